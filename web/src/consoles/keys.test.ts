import { expect, test, vi } from "vitest";

import { keysFor, pressTogether, typeKeys } from "./keys";

test("plain letters are their own keys", () => {
  expect(keysFor("a1 /").keys.map((key) => [key.keysym, key.shift])).toEqual([
    [0x61, false],
    [0x31, false],
    [0x20, false],
    [0x2f, false],
  ]);
});

test("capitals and the signs above digits are pressed with Shift", async () => {
  const pressed: string[] = [];
  vi.useFakeTimers();

  const typing = typeKeys(keysFor("A!").keys, (keysym, _code, down) => pressed.push(`${down ? "+" : "-"}${keysym.toString(16)}`), new AbortController().signal);
  await vi.runAllTimersAsync();
  await typing;
  vi.useRealTimers();

  expect(pressed).toEqual(["+ffe1", "+41", "-41", "-ffe1", "+ffe1", "+21", "-21", "-ffe1"]);
});

test("line ends are the Enter key, whatever system they come from", () => {
  expect(keysFor("a\r\nb\n").keys.map((key) => key.code)).toEqual([null, "Enter", null, "Enter"]);
});

test("what no US keyboard has is named, each once", () => {
  expect(keysFor("größe ö 日").unknown).toEqual(["ö", "ß", "日"]);
});

test("stopped typing presses no further key", async () => {
  const stop = new AbortController();
  const send = vi.fn(() => stop.abort());

  await typeKeys(keysFor("abc").keys, send, stop.signal);

  expect(send).toHaveBeenCalledTimes(2);
});

test("keys of a combination are let go in the other order", () => {
  const pressed: string[] = [];
  const keys = [
    { keysym: 1, code: "A" },
    { keysym: 2, code: "B" },
  ];

  pressTogether(keys, (keysym, _code, down) => pressed.push(`${down ? "+" : "-"}${keysym}`));

  expect(pressed).toEqual(["+1", "+2", "-2", "-1"]);
});
