// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { json, problem, serve } from "../test/server";
import { anUpload } from "../test/things";
import { sendFile, startUpload } from "./upload";

const MIB = 1024 ** 2;
const EIGHT = 8 * MIB;

function file(size: number): File {
  return new File([new Uint8Array(size)], "disk.qcow2");
}

function sending(): { signal: AbortSignal; onProgress: (received: number) => void; seen: number[] } {
  const seen: number[] = [];
  return { signal: new AbortController().signal, onProgress: (received) => seen.push(received), seen };
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test("a file is sent in pieces, each from where the last one ended", async () => {
  const size = 2 * EIGHT + MIB;
  const asked = serve({
    "PUT uploads": ({ path }) => {
      const offset = Number(new URLSearchParams(path.split("?")[1]).get("offset"));
      return json({ id: "u", size, received: Math.min(size, offset + EIGHT) });
    },
  });
  const progress = sending();

  await sendFile(file(size), anUpload({ id: "u", size }), progress);

  expect(asked.map((one) => one.path)).toEqual([0, EIGHT, 2 * EIGHT].map((offset) => `uploads/u?offset=${offset}`));
  expect(progress.seen.at(-1)).toBe(size);
});

test("after a break the server is asked how far it got", async () => {
  let broken = true;
  const asked = serve({
    "PUT uploads": () => {
      if (!broken) return json({ id: "u", size: EIGHT, received: EIGHT });
      broken = false;
      return problem(503, "unavailable");
    },
    "GET uploads": { id: "u", size: EIGHT, received: 3 * MIB },
  });

  const sent = sendFile(file(EIGHT), anUpload({ id: "u", size: EIGHT }), sending());
  await vi.runAllTimersAsync();
  await sent;

  expect(asked.map((one) => one.path)).toEqual(["uploads/u?offset=0", "uploads/u", `uploads/u?offset=${3 * MIB}`]);
});

test("what the server refuses for good is not tried again", async () => {
  const asked = serve({ "PUT uploads": () => problem(507, "no-space", { status: 413 }) });

  const sent = sendFile(file(MIB), anUpload({ id: "u", size: MIB }), sending());

  await expect(sent).rejects.toMatchObject({ code: "no-space" });
  expect(asked).toHaveLength(1);
});

test("a second try with the same file goes on with the first one's upload", async () => {
  serve({ "GET uploads": { id: "u", size: 10, received: 7 }, "POST uploads": { id: "new", size: 11, received: 0 } });
  const known = anUpload({ id: "u", size: 10 });

  expect((await startUpload(file(10), known)).received).toBe(7);
  expect((await startUpload(file(11), known)).id).toBe("new");
});
