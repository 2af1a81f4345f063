/** Sends a file in pieces. A broken connection loses at most one piece: the server says how far it got. */

import { answer, api, headersFor } from "../api/client";
import { ApiError, problemOf, unreachable } from "../api/problem";
import type { Upload } from "../api/types";

const PIECE = 8 * 1024 ** 2;
const TRIES = 6;
const FIRST_WAIT_MS = 1000;

export interface Sending {
  signal: AbortSignal;
  /** Bytes that the server has. */
  onProgress: (received: number) => void;
}

/** Begin, or go on with what was begun. */
export async function startUpload(file: File, known: Upload | null): Promise<Upload> {
  if (known?.size === file.size) {
    return answer(api.GET("/api/v1/uploads/{id}", { params: { path: { id: known.id } } }));
  }
  return answer(api.POST("/api/v1/uploads", { body: { size: file.size, name: file.name.slice(-256) } }));
}

/** Send the rest of a file; the answer comes when the server has all of it. */
export async function sendFile(file: File, upload: Upload, { signal, onProgress }: Sending): Promise<void> {
  let { received } = upload;
  let tries = 0;
  while (received < file.size) {
    try {
      const piece = file.slice(received, received + PIECE);
      received = (await sendPiece(upload.id, received, piece, signal)).received;
      tries = 0;
      onProgress(received);
    } catch (error) {
      tries += 1;
      if (!isPassing(error) || tries >= TRIES) throw error;
      await pause(FIRST_WAIT_MS * 2 ** (tries - 1), signal);
      received = await howFar(upload.id, received);
    }
  }
}

async function sendPiece(id: string, offset: number, piece: Blob, signal: AbortSignal): Promise<Upload> {
  const response = await fetch(`/api/v1/uploads/${id}?offset=${offset}`, {
    method: "PUT",
    body: piece,
    headers: { ...headersFor("PUT"), "Content-Type": "application/octet-stream" },
    signal,
  }).catch((error: unknown) => {
    throw signal.aborted ? error : unreachable();
  });
  if (!response.ok) throw await problemOf(response);
  return (await response.json()) as Upload;
}

/** Where the server is after a break; as before where it cannot say so either. */
async function howFar(id: string, received: number): Promise<number> {
  try {
    return (await answer(api.GET("/api/v1/uploads/{id}", { params: { path: { id } } }))).received;
  } catch (error) {
    if (isPassing(error)) return received;
    throw error;
  }
}

function isPassing(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 0 || error.status >= 502);
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    });
  });
}
