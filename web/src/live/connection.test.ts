// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { listen, type Listener } from "./connection";

interface Opened {
  lastId: string | null;
  send: (text: string) => void;
  close: () => void;
}

let opened: Opened[];
let statuses: number[];
let told: string[];
let stop: AbortController;

function listener(lastId: () => string | null = () => null): Listener {
  return {
    lastId,
    onEvent: (event) => told.push(event.data),
    onState: (connected) => told.push(connected ? "connected" : "lost"),
    onSignedOut: () => told.push("signed out"),
  };
}

beforeEach(() => {
  vi.useFakeTimers();
  opened = [];
  statuses = [];
  told = [];
  stop = new AbortController();
  vi.spyOn(globalThis, "fetch").mockImplementation((_url, init) => {
    const status = statuses.shift() ?? 200;
    if (status === 0) return Promise.reject(new TypeError("Failed to fetch"));
    const signal = init?.signal;
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        const encoder = new TextEncoder();
        const headers = new Headers(init?.headers);
        opened.push({
          lastId: headers.get("Last-Event-ID"),
          send: (text) => controller.enqueue(encoder.encode(text)),
          close: () => controller.close(),
        });
        signal?.addEventListener("abort", () => controller.error(new DOMException("aborted", "AbortError")));
      },
    });
    return Promise.resolve(new Response(status === 200 ? body : null, { status }));
  });
});

afterEach(() => {
  stop.abort();
  vi.useRealTimers();
});

async function settle(ms = 0): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
}

test("events are told as they come", async () => {
  void listen(listener(), stop.signal);
  await settle();

  opened[0]?.send("event: fact\ndata: one\n\n");
  await settle();

  expect(told).toEqual(["connected", "one"]);
});

test("a stream that breaks off goes on after the last event that was seen", async () => {
  let last: string | null = null;
  void listen(listener(() => last), stop.signal);
  await settle();
  expect(opened[0]?.lastId).toBeNull();

  opened[0]?.send("id: e:5\nevent: fact\ndata: five\n\n");
  await settle();
  last = "e:5";
  opened[0]?.close();
  await settle(2000);

  expect(opened[1]?.lastId).toBe("e:5");
  expect(told).toEqual(["connected", "five", "lost", "connected"]);
});

test("a server that is away is asked again, with growing waits", async () => {
  statuses = [0, 0, 0, 0];
  void listen(listener(), stop.signal);

  await settle(1000);
  const early = vi.mocked(fetch).mock.calls.length;
  await settle(60_000);

  expect(early).toBeLessThanOrEqual(2);
  expect(opened).toHaveLength(1);
});

test("silence longer than the heartbeat means that the connection is dead", async () => {
  void listen(listener(), stop.signal);
  await settle();

  opened[0]?.send(": still here\n\n");
  await settle(40_000);
  expect(opened).toHaveLength(1);

  await settle(60_000);
  expect(opened.length).toBeGreaterThan(1);
});

test("being online again ends the waiting at once", async () => {
  statuses = [0, 0, 0, 0, 0, 0];
  void listen(listener(), stop.signal);
  await settle(10_000);
  statuses = [];
  const before = opened.length;

  globalThis.dispatchEvent(new Event("online"));
  await settle();

  expect(opened.length).toBe(before + 1);
});

test("a session that is over is not asked again", async () => {
  statuses = [401];
  await listen(listener(), stop.signal);

  expect(told).toEqual(["lost", "signed out"]);
});

test("stopping ends the stream, and nothing is told any more", async () => {
  const over = listen(listener(), stop.signal);
  await settle();

  stop.abort();
  await over;

  expect(told).toEqual(["connected"]);
});
