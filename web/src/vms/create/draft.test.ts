import { expect, test } from "vitest";

import { ApiError } from "../../api/problem";
import { aHost, anImage, GIB } from "../../test/things";
import { EMPTY, problemsFrom, problemsOf, toNewVm, type Draft } from "./draft";
import { keysProblem } from "./sshKeys";

const KEY = `ssh-ed25519 ${"A".repeat(68)} me@laptop`;
const template = anImage({ id: "t", size: 2 * GIB });
const around = { images: [template], hosts: [aHost()] };
const good: Draft = { ...EMPTY, name: "web1", template: "t" };

test("a filled form has no problems", () => {
  expect(problemsOf(good, around)).toEqual({});
});

test.each<[string, Partial<Draft>, keyof Draft]>([
  ["no name", { name: "" }, "name"],
  ["no template", { template: "" }, "template"],
  ["no ISO", { source: "iso", iso: "" }, "iso"],
  ["memory 0", { memory: 0 }, "memory"],
  ["memory that is no number", { memory: Number.NaN }, "memory"],
  ["more memory than a host has", { memory: 64 * GIB }, "memory"],
  ["no CPU", { vcpus: 0 }, "vcpus"],
  ["half a CPU", { vcpus: 1.5 }, "vcpus"],
  ["a disk smaller than its template", { diskSize: GIB }, "diskSize"],
  ["a private key", { sshKeys: "-----BEGIN OPENSSH PRIVATE KEY-----" }, "sshKeys"],
  ["a kernel without a path", { directKernel: true, kernel: "vmlinuz" }, "kernel"],
])("%s is said at its field", (_what, changes, field) => {
  expect(Object.keys(problemsOf({ ...good, ...changes }, around))).toEqual([field]);
});

test("a template's own size is not asked for, a larger one is", () => {
  expect(toNewVm({ ...good, diskSize: 2 * GIB }, around).disks).toEqual([
    { kind: "image", image: "t", size: null, full_copy: false },
  ]);
  expect(toNewVm({ ...good, diskSize: 8 * GIB }, around).disks[0]).toMatchObject({ size: 8 * GIB });
});

test("an ISO comes with an empty disk before it", () => {
  const vm = toNewVm({ ...good, source: "iso", iso: "i", cloudInit: false }, around);

  expect(vm.disks.map((disk) => disk.kind)).toEqual(["empty", "cdrom"]);
  expect(vm.boot_order[0]).toBe("hd");
  expect(vm.cloud_init).toBeNull();
});

test("networks are sent as what they are", () => {
  expect(toNewVm({ ...good, network: "bridge:br0" }, around).nics[0]).toMatchObject({ kind: "bridge", network: "br0" });
  expect(toNewVm({ ...good, network: "user:default" }, around).nics[0]).toMatchObject({ kind: "user" });
  expect(toNewVm({ ...good, network: "none" }, around).nics).toEqual([]);
});

test("cloud-init gets the keys one by one, and the user-data as it was written", () => {
  const userData = "#cloud-config\n# kept: as is\n";
  const vm = toNewVm({ ...good, sshKeys: `${KEY}\n\n# note\n${KEY}`, userData }, around);

  expect(vm.cloud_init).toEqual({ hostname: null, ssh_keys: [KEY, KEY], user_data: userData });
});

test("Secure Boot is nothing without UEFI", () => {
  expect(toNewVm({ ...good, secureBoot: true, firmware: "bios" }, around).secure_boot).toBe(false);
});

test("what the server refuses is shown at the fields of the form", () => {
  const error = new ApiError("no", "bad-input", 422, null, {
    memory: "Too much",
    "disks.0.image.size": "Too small",
    "cloud_init.ssh_keys.1": "No key",
  });

  expect(problemsFrom(error)).toEqual({ memory: "Too much", diskSize: "Too small", sshKeys: "No key" });
  expect(problemsFrom(new ApiError("Web1 is taken", "name-taken", 409))).toEqual({ name: "Web1 is taken" });
});

test.each([KEY, `no-pty,command="x" ${KEY}`, "", "# only a note"])("keys “%s” are fine", (text) => {
  expect(keysProblem(text)).toBeNull();
});

test("the key that is wrong is numbered", () => {
  expect(keysProblem(`${KEY}\nssh-ed25519 short`)).toMatch(/^Key 2 /);
});
