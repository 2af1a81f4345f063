/** What is typed into the form for a new machine, what is wrong with it, and what is sent. */

import type { ApiError } from "../../api/problem";
import type { BootDevice, HostInfo, Image, NewVm, NewVmDisk } from "../../api/types";
import { formatBytes, GIB, MIB } from "../../common/format";
import { nameProblem } from "../../common/names";
import { keysOf, keysProblem } from "./sshKeys";

export type Source = "template" | "empty" | "iso" | "definition";

export interface Draft {
  name: string;
  title: string;
  source: Source;
  template: string; // id
  iso: string; // id
  guestOs: string; // with its variant
  osParameters: Readonly<Record<string, string>>; // what is empty is not sent
  diskSize: number; // bytes
  fullCopy: boolean;
  vcpus: number;
  memory: number; // bytes
  network: string; // kind:name
  cloudInit: boolean;
  hostname: string;
  sshKeys: string;
  userData: string;
  firmware: "bios" | "uefi";
  secureBoot: boolean;
  tpm: boolean;
  directKernel: boolean;
  kernel: string;
  initrd: string;
  commandLine: string;
  host: string; // empty: chosen by Skerry
  autostart: boolean;
  start: boolean;
}

export const EMPTY: Draft = {
  name: "",
  title: "",
  source: "template",
  template: "",
  iso: "",
  guestOs: "",
  osParameters: {},
  diskSize: 10 * GIB,
  fullCopy: false,
  vcpus: 1,
  memory: GIB,
  network: "network:default",
  cloudInit: true,
  hostname: "",
  sshKeys: "",
  userData: "",
  firmware: "bios",
  secureBoot: false,
  tpm: false,
  directKernel: false,
  kernel: "",
  initrd: "",
  commandLine: "",
  host: "",
  autostart: false,
  start: true,
};

export type Problems = Partial<Record<keyof Draft, string>>;

export interface Surroundings {
  images: readonly Image[];
  hosts: readonly HostInfo[];
}

const LEAST_MEMORY = 16 * MIB;
const LEAST_DISK = MIB;

/** What has to be put right before this can be sent. */
export function problemsOf(draft: Draft, { images, hosts }: Surroundings): Problems {
  const problems: Problems = {};
  const put = (field: keyof Draft, text: string | null): void => {
    if (text !== null) problems[field] = text;
  };
  put("name", nameProblem(draft.name));
  put("memory", memoryProblem(draft, hosts));
  if (!Number.isInteger(draft.vcpus) || draft.vcpus < 1) put("vcpus", "A whole number, at least 1.");
  if (draft.source === "template") {
    const template = images.find((image) => image.id === draft.template);
    if (!template) put("template", "Choose a template.");
    put("diskSize", diskProblem(draft.diskSize, template?.size ?? LEAST_DISK));
  } else {
    put("diskSize", diskProblem(draft.diskSize, LEAST_DISK));
  }
  if (draft.source === "iso" && draft.iso === "") put("iso", "Choose an ISO image.");
  if (draft.source === "definition" && draft.guestOs === "") put("guestOs", "Choose a definition.");
  if (draft.cloudInit) put("sshKeys", keysProblem(draft.sshKeys));
  if (draft.directKernel && !draft.kernel.startsWith("/")) put("kernel", "The full path of a kernel on the host.");
  return problems;
}

function memoryProblem(draft: Draft, hosts: readonly HostInfo[]): string | null {
  if (!(draft.memory >= LEAST_MEMORY)) return `At least ${formatBytes(LEAST_MEMORY)}.`;
  const there = hosts.filter((host) => draft.host === "" || host.name === draft.host);
  const most = Math.max(0, ...there.map((host) => host.facts?.memory ?? 0));
  if (most > 0 && draft.memory > most) return `No host has more than ${formatBytes(most)}.`;
  return null;
}

function diskProblem(size: number, least: number): string | null {
  if (!(size >= least)) {
    return least > LEAST_DISK ? `At least ${formatBytes(least)}, the size of the template.` : "At least 1 MiB.";
  }
  return size > 64 * 1024 * GIB ? "At most 64 TiB." : null;
}

/** The request. */
export function toNewVm(draft: Draft, { images }: Surroundings): NewVm {
  return {
    name: draft.name,
    title: draft.title,
    description: "",
    pool_id: null,
    host: draft.host || null,
    vcpus: draft.vcpus,
    memory: draft.memory,
    firmware: draft.firmware,
    secure_boot: draft.firmware === "uefi" && draft.secureBoot,
    tpm: draft.tpm,
    disks: disksOf(draft, images),
    nics: nicsOf(draft.network),
    direct_kernel: draft.directKernel
      ? { kernel: draft.kernel, initrd: draft.initrd || null, command_line: draft.commandLine }
      : null,
    boot_order: bootOrderOf(draft.source),
    cloud_init: draft.cloudInit
      ? { hostname: draft.hostname || null, ssh_keys: keysOf(draft.sshKeys), user_data: draft.userData || null }
      : null,
    guest_os: draft.source === "definition" ? draft.guestOs : null,
    os_parameters: draft.source === "definition" ? filled(draft.osParameters) : {},
    autostart: draft.autostart,
    start: draft.start,
  };
}

function filled(parameters: Readonly<Record<string, string>>): Record<string, string> {
  const ended = Object.entries(parameters).map(([name, value]) => [name, value.replace(/\n+$/, "")] as const);
  return Object.fromEntries(ended.filter(([, value]) => value !== ""));
}

/** The disk first: an empty one does not boot, so an installer's CD still starts, and only the first time. */
function bootOrderOf(source: Source): BootDevice[] {
  return source === "empty" ? ["hd", "network", "cdrom"] : ["hd", "cdrom", "network"];
}

function disksOf(draft: Draft, images: readonly Image[]): NewVmDisk[] {
  const empty: NewVmDisk = { kind: "empty", size: draft.diskSize };
  switch (draft.source) {
    case "template": {
      const image = images.find((one) => one.id === draft.template);
      const size = image && draft.diskSize > image.size ? draft.diskSize : null;
      return [{ kind: "image", image: draft.template, size, full_copy: draft.fullCopy }];
    }
    case "iso":
      return [empty, { kind: "cdrom", image: draft.iso }];
    case "empty":
    case "definition":
      return [empty];
  }
}

function nicsOf(network: string): NewVm["nics"] {
  if (network === "none") return [];
  const colon = network.indexOf(":");
  const kind = network.slice(0, colon) as "network" | "bridge" | "user";
  return [{ kind, network: kind === "user" ? "default" : network.slice(colon + 1), mac: null, model: "virtio" }];
}

const FIELDS: readonly [string, keyof Draft][] = [
  ["name", "name"],
  ["title", "title"],
  ["host", "host"],
  ["vcpus", "vcpus"],
  ["memory", "memory"],
  ["firmware", "firmware"],
  ["secure_boot", "secureBoot"],
  ["tpm", "tpm"],
  ["guest_os", "guestOs"],
  ["os_parameters", "osParameters"],
  ["disks.0.image.image", "template"],
  ["disks.1", "iso"],
  ["disks", "diskSize"],
  ["nics", "network"],
  ["cloud_init.hostname", "hostname"],
  ["cloud_init.ssh_keys", "sshKeys"],
  ["cloud_init", "userData"],
  ["direct_kernel", "kernel"],
];

/** What the server refused, at the fields of the form. */
export function problemsFrom(error: ApiError): Problems {
  const problems: Problems = {};
  if (error.code === "name-taken") problems.name = error.message;
  for (const [path, message] of Object.entries(error.fields)) {
    const field = FIELDS.find(([prefix]) => path === prefix || path.startsWith(`${prefix}.`))?.[1];
    if (field) problems[field] ??= message;
  }
  return problems;
}
