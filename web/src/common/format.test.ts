import { expect, test } from "vitest";

import { formatBytes, formatDuration, formatPercent, formatRelative, GIB, MIB, plural } from "./format";

test.each([
  [0, "0 B"],
  [1023, "1023 B"],
  [1024, "1 KiB"],
  [1.5 * GIB, "1.5 GiB"],
  [512 * MIB, "512 MiB"],
  [123.4 * GIB, "123 GiB"],
])("%d bytes are %s", (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});

test.each([
  [400, "0.4 s"],
  [12_000, "12 s"],
  [185_000, "3 min 5 s"],
  [7_800_000, "2 h 10 min"],
])("%d ms are %s", (ms, text) => {
  expect(formatDuration(ms)).toBe(text);
});

test.each([
  [-10, "just now"],
  [-300, "5 minutes ago"],
  [-86_400, "yesterday"],
  [3 * 86_400, "in 3 days"],
  [-400 * 86_400, "26 Nov 2024"],
])("%d seconds from now is %s", (seconds, text) => {
  const now = Date.parse("2025-12-31T12:00:00Z");

  expect(formatRelative(now + seconds * 1000, now)).toBe(text);
});

test("shares are whole percents, and counts have their plural", () => {
  expect(formatPercent(0.073)).toBe("7 %");
  expect([plural(1, "disk"), plural(2, "disk")]).toEqual(["1 disk", "2 disks"]);
});
