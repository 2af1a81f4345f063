import { useEffect, useRef, useState } from "react";

import type { Upload } from "../api/types";
import { followTask } from "../tasks/follow";
import { forgetUpload, importImage, type ImportWish } from "./queries";
import { sendFile, startUpload } from "./upload";

interface Import {
  /** Bytes that have arrived; null: nothing is being sent. */
  sent: number | null;
  busy: boolean;
  error: unknown;
  start: (file: File | null, wish: Omit<ImportWish, "upload">) => Promise<boolean>;
  stop: () => void;
}

/** Sends a file, if there is one, and imports it. A second try with the same file goes on where the first one broke off. */
export function useImport(): Import {
  const [sent, setSent] = useState<number | null>(null);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const upload = useRef<Upload | null>(null);
  const sending = useRef<AbortController | null>(null);

  const send = async (file: File): Promise<string> => {
    const controller = new AbortController();
    sending.current = controller;
    upload.current = await startUpload(file, upload.current);
    setSent(upload.current.received);
    await sendFile(file, upload.current, { signal: controller.signal, onProgress: setSent });
    return upload.current.id;
  };

  const start: Import["start"] = async (file, wish) => {
    setBusy(true);
    setError(null);
    try {
      const id = file && (await send(file));
      followTask(await importImage({ ...wish, upload: id }));
      upload.current = null; // it belongs to the import now
      return true;
    } catch (reason) {
      if (!sending.current?.signal.aborted) setError(reason);
      return false;
    } finally {
      setBusy(false);
    }
  };

  const stop = (): void => {
    sending.current?.abort();
    const begun = upload.current;
    upload.current = null;
    if (begun) forgetUpload(begun.id).catch(() => undefined); // the server forgets it by itself later
  };

  useEffect(() => () => sending.current?.abort(), []);
  useLeaveWarning(busy && sent !== null);
  return { sent, busy, error, start, stop };
}

/** Have the browser ask before a page is left that is still sending. */
function useLeaveWarning(active: boolean): void {
  useEffect(() => {
    if (!active) return;
    const warn = (event: BeforeUnloadEvent): void => event.preventDefault();
    globalThis.addEventListener("beforeunload", warn);
    return () => globalThis.removeEventListener("beforeunload", warn);
  }, [active]);
}
