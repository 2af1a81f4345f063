/** Machines, tasks and so on for tests: whole ones, of which a test names what matters to it. */

import type { Fact, HostInfo, Image, Session, Task, Upload, Vm, Volume } from "../api/types";

export const GIB = 1024 ** 3;

let last = 0;

function nextId(): string {
  last += 1;
  return `00000000-0000-4000-8000-${String(last).padStart(12, "0")}`;
}

export function aVm(about: Partial<Vm> = {}): Vm {
  return {
    id: nextId(),
    name: "web1",
    host: "anvil",
    pool_id: "pool",
    owner: "admin",
    title: "",
    description: "",
    state: "running",
    pending_state: about.state ?? "running",
    actions: ["shutdown", "poweroff", "edit", "console"],
    queued_tasks: 0,
    vcpus: 2,
    memory: 2 * GIB,
    max_vcpus: 2,
    max_memory: 2 * GIB,
    firmware: "bios",
    secure_boot: false,
    tpm: false,
    domain_type: "kvm",
    autostart: false,
    persistent: true,
    disks: [],
    nics: [],
    boot_order: ["hd"],
    direct_kernel: null,
    consoles: { graphics: true, serial: true },
    addresses: [],
    needs_restart: false,
    template: null,
    etag: "e1",
    created_at: "2026-01-01T10:00:00Z",
    started_at: null,
    sample: null,
    ...about,
  };
}

export function aTask(about: Partial<Task> = {}): Task {
  return {
    id: nextId(),
    kind: "vm.create",
    title: "Create web1",
    object: { kind: "vm", id: "vm1", name: "web1" },
    pool_id: null,
    state: "running",
    step: "",
    step_number: 0,
    step_count: 4,
    progress: null,
    detail: "",
    cancel_requested: false,
    cancellable: true,
    error: null,
    not_undone: [],
    result: null,
    user: "admin",
    created_at: "2026-01-01T10:00:00Z",
    started_at: null,
    ended_at: null,
    ...about,
  };
}

export function anImage(about: Partial<Image> = {}): Image {
  return {
    id: nextId(),
    name: "aos",
    kind: "template",
    state: "ready",
    pool_id: "pool",
    description: "",
    format: "qcow2",
    size: 2 * GIB,
    allocation: GIB,
    sha256: null,
    storage_pool: "skerry",
    volume: "aos.qcow2",
    created_at: "2026-01-01T10:00:00Z",
    used_by: [],
    ...about,
  };
}

export function aVolume(about: Partial<Volume> = {}): Volume {
  const name = about.name ?? "web1-0";
  return {
    storage_pool: "skerry",
    name,
    path: `/volumes/${name}`,
    format: "qcow2",
    capacity: 10 * GIB,
    allocation: GIB,
    backing: null,
    used_by: [],
    host: "anvil",
    image: null,
    clones: [],
    unused: true,
    ...about,
  };
}

export function anUpload(about: Partial<Upload> = {}): Upload {
  return {
    id: nextId(),
    name: "disk.qcow2",
    user: "admin",
    size: GIB,
    received: 0,
    expires_at: "2030-01-01T10:00:00Z",
    ...about,
  };
}

export function aHost(about: Partial<HostInfo> = {}): HostInfo {
  return {
    name: "anvil",
    online: true,
    since: "2026-01-01T10:00:00Z",
    networks: [],
    storage_pools: [],
    vms: 0,
    running_vms: 0,
    cpu: null,
    free_memory: null,
    problem: null,
    facts: {
      name: "anvil",
      uuid: "u",
      architecture: "x86_64",
      cpu_model: "CPU",
      cpus: 4,
      memory: 16 * GIB,
      free_memory: 8 * GIB,
      kernel: "6.1",
      os: "Debian",
      libvirt_version: "9.0.0",
      qemu_version: "10.0.2",
      libvirt_uri: "qemu:///system",
      accelerator: { kind: "kvm", reason: "a boot sector ran" },
      uefi: true,
      tpm: true,
      warnings: [],
    },
    ...about,
  };
}

export function aSession(about: Partial<Session> = {}): Session {
  return {
    user: { name: "admin", admin: true, created_at: "2026-01-01T10:00:00Z" },
    permissions: [],
    csrf_token: "csrf",
    expires_at: "2030-01-01T10:00:00Z",
    ...about,
  };
}

let number = 0;

/** A fact about a thing, with what it is like afterwards. */
export function aFact(kind: string, thing: { id: string } & Record<string, unknown>, gone = false): Fact {
  number += 1;
  const noun = kind.slice(0, kind.indexOf(".")) as Fact["object"]["kind"];
  return {
    id: `e:${number}`,
    at: "2026-01-01T10:00:00Z",
    kind,
    object: { kind: noun, id: thing.id, name: String(thing.name ?? thing.title) },
    pool_id: null,
    user: null,
    summary: "",
    data: gone ? null : thing,
  };
}
