import { expect, test } from "vitest";

import { nameFromFile, nameProblem } from "./names";

test.each(["web1", "A", "my-vm_2.local", "1"])("%s is a name", (name) => {
  expect(nameProblem(name)).toBeNull();
});

test.each(["", "-x", ".x", "a b", "grün", "a/b", "x".repeat(65)])("“%s” is none", (name) => {
  expect(nameProblem(name)).not.toBeNull();
});

test.each([
  ["debian-12-generic-amd64.qcow2", "debian-12-generic-amd64"],
  ["My Disk (1).img.xz", "My-Disk-1-"],
  ["_x.iso", "x"],
])("%s suggests the name %s", (fileName, name) => {
  expect(nameFromFile(fileName)).toBe(name);
});
