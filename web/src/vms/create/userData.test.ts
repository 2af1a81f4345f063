import { expect, test } from "vitest";

import { checkUserData } from "./userData";

async function say(text: string): Promise<string[]> {
  return (await checkUserData(text)).map((finding) => `${finding.severity} ${finding.line ?? "-"}: ${finding.text}`);
}

test.each([
  ["nothing", ""],
  ["settings", "#cloud-config\npackages: [htop]\nusers:\n  - default\n"],
  ["only the first line", "#cloud-config\n"],
  ["a script", "#!/bin/sh\nnot: yaml: at all"],
  ["several parts", "Content-Type: multipart/mixed; boundary=x\n"],
])("%s is fine", async (_what, text) => {
  expect(await say(text)).toEqual([]);
});

test("a text that does not say what it is, is refused", async () => {
  expect(await say("packages: [htop]")).toEqual([expect.stringMatching(/^error 1: The first line has to say/)]);
});

test("broken YAML is shown with its line", async () => {
  expect(await say("#cloud-config\npackages:\n\t- htop\n")).toEqual([expect.stringMatching(/^error 3: /)]);
  expect(await say("#cloud-config\na: 1\na: 2\n")).toEqual([expect.stringMatching(/^error 3: .*unique/)]);
});

test("a key that cloud-init does not know is shown with the nearest one", async () => {
  expect(await say("#cloud-config\npackags: [htop]\n")).toEqual([
    "warning 2: cloud-init knows no “packags”. Is “packages” meant?",
  ]);
});

test("a list instead of settings is refused", async () => {
  expect(await say("#cloud-config\n- a\n")).toEqual([expect.stringMatching(/^error 2: /)]);
});

test("more than a guest is given is refused", async () => {
  expect(await say(`#!/bin/sh\n${"x".repeat(256 * 1024)}`)).toEqual([expect.stringContaining("256 KiB")]);
});
