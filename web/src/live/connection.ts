/** Holds one event stream open: reconnects with growing waits, and goes on after the last event that it saw. */

import { readEvents, type ServerEvent } from "./sse";

const URL_OF_EVENTS = "/api/v1/events";
const SILENCE_MS = 45_000; // the server sends a comment every 15 s
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 20_000;

export interface Listener {
  onEvent(event: ServerEvent): void;
  onState(connected: boolean): void;
  /** The server does not know us any more. */
  onSignedOut(): void;
  /** Where to go on; null: from now on. */
  lastId(): string | null;
}

/** Listen until the signal says to stop. */
export async function listen(listener: Listener, signal: AbortSignal): Promise<void> {
  let wait = FIRST_WAIT_MS;
  while (!signal.aborted) {
    const outcome = await listenOnce(listener, signal);
    if (isAborted(signal)) return;
    listener.onState(false);
    if (outcome === "signed-out") {
      listener.onSignedOut();
      return;
    }
    wait = outcome === "broken" ? FIRST_WAIT_MS : Math.min(wait * 2, LONGEST_WAIT_MS);
    await pause(wait * (0.75 + Math.random() / 2), signal);
  }
}

/** Asked through a function, because it changes while we wait. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}

async function listenOnce(listener: Listener, signal: AbortSignal): Promise<"signed-out" | "refused" | "broken"> {
  const silence = new AbortController();
  let watchdog = setTimeout(() => silence.abort(), SILENCE_MS);
  let heard = false;
  try {
    const lastId = listener.lastId();
    const response = await fetch(URL_OF_EVENTS, {
      headers: { Accept: "text/event-stream", ...(lastId ? { "Last-Event-ID": lastId } : {}) },
      cache: "no-store",
      signal: AbortSignal.any([signal, silence.signal]),
    });
    if (response.status === 401) return "signed-out";
    if (!response.ok || !response.body) return "refused";
    listener.onState(true);
    for await (const event of readEvents(response.body)) {
      heard = true;
      clearTimeout(watchdog);
      watchdog = setTimeout(() => silence.abort(), SILENCE_MS);
      if (event) listener.onEvent(event);
    }
  } catch (error) {
    if (!isBrokenOff(error)) throw error;
  } finally {
    clearTimeout(watchdog);
  }
  return heard ? "broken" : "refused";
}

/** Whether the network is to blame: fetch says TypeError, an abort is ours. */
function isBrokenOff(error: unknown): boolean {
  return error instanceof TypeError || (error instanceof DOMException && error.name === "AbortError");
}

/** Wait, but not longer than until the browser is back online. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      globalThis.removeEventListener("online", end);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    globalThis.addEventListener("online", end);
    signal.addEventListener("abort", end);
  });
}
