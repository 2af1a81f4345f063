import { expect, test } from "vitest";

import { diffLines, withContext } from "./diff";

function replay(before: string, after: string): void {
  const lines = diffLines(before, after);
  expect(lines.filter((line) => line.kind !== "added").map((line) => line.text)).toEqual(before.split("\n"));
  expect(lines.filter((line) => line.kind !== "removed").map((line) => line.text)).toEqual(after.split("\n"));
}

function edits(before: string, after: string): number {
  return diffLines(before, after).filter((line) => line.kind !== "same").length;
}

test("equal texts have no changes", () => {
  expect(edits("a\nb", "a\nb")).toBe(0);
});

test("a changed line is one removed and one added", () => {
  expect(diffLines("a\nb\nc", "a\nx\nc").map((line) => `${line.kind} ${line.text}`)).toEqual([
    "same a",
    "removed b",
    "added x",
    "same c",
  ]);
});

test("the way is the shortest one", () => {
  expect(edits("a\nb\nc\na\nb\nb\na", "c\nb\na\nb\na\nc")).toBe(5);
});

test("both texts can be read back from any diff", () => {
  let seed = 7;
  const random = (below: number): number => {
    seed = (seed * 1103515245 + 12345) % 2 ** 31;
    return Math.floor((seed / 2 ** 31) * below);
  };
  const text = (): string => Array.from({ length: random(12) }, () => "abc"[random(3)]).join("\n");
  for (let round = 0; round < 300; round += 1) replay(text(), text());
});

test("lines carry their numbers in both texts", () => {
  const [, removed, added, last] = diffLines("a\nb\nc", "a\nx\nc");

  expect([removed?.before, removed?.after]).toEqual([2, null]);
  expect([added?.before, added?.after]).toEqual([null, 2]);
  expect([last?.before, last?.after]).toEqual([3, 3]);
});

test("what is far from any change is left out once", () => {
  const before = Array.from({ length: 30 }, (_, index) => `line ${index}`);
  const after = before.with(15, "other");

  const shown = withContext(diffLines(before.join("\n"), after.join("\n")), 2);

  expect(shown.filter((line) => line === null)).toHaveLength(2);
  expect(shown.filter((line) => line !== null)).toHaveLength(6);
});
