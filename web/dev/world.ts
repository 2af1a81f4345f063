/** A pretended cloud for working on the page without a server. Never part of the build. */

import { randomUUID } from "node:crypto";

import type { Fact, HostInfo, Image, Network, ObjectRef, Snapshot, StoragePool, Task, TaskLogLine, Token, Upload, User, Vm, VmState } from "../src/api/types";

export const GIB = 1024 ** 3;
export const MIB = 1024 ** 2;
const POOL = "00000000-0000-4000-8000-000000000001";

export type Say = (event: string, data: unknown, id?: string) => void;

const ACTIONS: Readonly<Record<VmState, Vm["actions"]>> = {
  running: ["shutdown", "poweroff", "reboot", "reset", "pause", "save", "edit", "console"],
  paused: ["resume", "poweroff", "reset", "edit", "console"],
  stopping: ["poweroff", "console"],
  stopped: ["start", "edit", "delete", "clone"],
  saved: ["restore", "delete", "edit"],
  suspended: ["resume", "poweroff", "console"],
  crashed: ["start", "poweroff", "edit", "delete"],
  creating: [],
  unreachable: [],
};

export class World {
  readonly vms = new Map<string, Vm>();
  readonly images = new Map<string, Image>();
  readonly tasks = new Map<string, Task>();
  readonly logs = new Map<string, TaskLogLine[]>();
  readonly facts: Fact[] = [];
  readonly snapshots = new Map<string, Snapshot[]>();
  readonly uploads = new Map<string, Upload>();
  readonly definitions = new Map<string, string>();
  tokens: Token[] = [];
  users: User[] = [
    { name: "admin", admin: true, created_at: ago(86400 * 12) },
    { name: "mira", admin: false, created_at: ago(86400 * 3) },
  ];
  readonly networks: Network[] = [
    { name: "default", kind: "network", active: true, autostart: true, bridge: "virbr0", forward: "nat", addresses: ["192.168.122.1/24"], dhcp: true },
    { name: "lab", kind: "network", active: true, autostart: false, bridge: "virbr1", forward: null, addresses: ["10.20.0.1/24", "fd00:20::1/64"], dhcp: true },
    { name: "br0", kind: "bridge", active: false, autostart: false, bridge: "br0", forward: null, addresses: [], dhcp: false },
  ];
  readonly storagePools: StoragePool[] = [
    { name: "default", kind: "dir", path: "/var/lib/skerry/volumes", active: true, capacity: 480 * GIB, allocation: 211 * GIB, available: 269 * GIB, managed: true },
    { name: "isos", kind: "dir", path: "/srv/isos", active: true, capacity: 100 * GIB, allocation: 93 * GIB, available: 7 * GIB, managed: false },
  ];
  say: Say = () => undefined;
  private number = 0;

  constructor(readonly count: number) {
    for (const [name, kind, size] of [["aos", "template", 2 * GIB], ["debian-12", "template", 3 * GIB], ["debian-13-netinst", "iso", 700 * MIB]] as const) {
      this.addImage(name, kind, size);
    }
    const names = ["web1", "web2", "db1", "build-runner", "mail", "gitea", "prometheus", "staging-api", "win-test", "old-wiki"];
    for (let index = 0; index < count; index += 1) {
      const name = names[index] ?? `node-${String(index - names.length + 1).padStart(3, "0")}`;
      const state: VmState = index % 7 === 3 ? "stopped" : index === 8 ? "paused" : index === 9 ? "crashed" : index === 6 ? "saved" : "running";
      this.addVm(name, state, index);
    }
    for (const vm of [...this.vms.values()].slice(0, 6)) {
      const task = this.addTask("vm.create", `Create ${vm.name}`, ref("vm", vm.id, vm.name));
      this.tasks.set(task.id, { ...task, state: "succeeded", progress: 1, step: "Start", step_number: 4, step_count: 4, created_at: ago(7200), started_at: ago(7199), ended_at: ago(7192) });
    }
    const failed = this.addTask("image.import", "Import fedora-44", ref("image", randomUUID(), "fedora-44"));
    this.tasks.set(failed.id, {
      ...failed, state: "failed", progress: 0.4, step: "Check", step_number: 2, step_count: 4, created_at: ago(900), started_at: ago(899), ended_at: ago(890),
      error: { type: "urn:skerry:problem:bad-image", title: "Bad image", status: 422, code: "bad-image", detail: "the qcow2 file ends after 41 % of what its header announces", hint: "download it again and compare its SHA-256", errors: [] },
    });
  }

  get host(): HostInfo {
    return {
      name: "anvil", online: true, since: ago(86400 * 2), vms: this.vms.size, running_vms: [...this.vms.values()].filter((vm) => vm.state === "running").length,
      cpu: 0.31, free_memory: 21 * GIB, problem: null, networks: this.networks, storage_pools: this.storagePools,
      facts: {
        name: "anvil", uuid: randomUUID(), architecture: "x86_64", cpu_model: "AMD EPYC 7443P", cpus: 16, memory: 64 * GIB, free_memory: 21 * GIB,
        kernel: "6.1.0-28-amd64", os: "Debian GNU/Linux 12 (bookworm)", libvirt_version: "9.0.0", qemu_version: "7.2.15", libvirt_uri: "qemu:///system",
        accelerator: { kind: "tcg", reason: "/dev/kvm opens, but a boot sector did not finish under it within 2 s" }, uefi: true, tpm: false,
        warnings: ["QEMU 7.2 without acceleration crashes guests with Linux 6.12: install QEMU 10 from bookworm-backports"],
      },
    };
  }

  addImage(name: string, kind: Image["kind"], size: number, id: string = randomUUID()): Image {
    const image: Image = {
      id, name, kind, state: "ready", pool_id: POOL, description: name === "aos" ? "Appliance operating system, built here" : "", format: kind === "iso" ? "raw" : "qcow2",
      size, allocation: size / 5, sha256: "9f".repeat(32), storage_pool: "default", volume: `${name}.qcow2`, created_at: ago(86400), used_by: name === "aos" ? ["web1", "web2", "db1"] : [],
    };
    this.images.set(id, image);
    return image;
  }

  addVm(name: string, state: VmState, index: number, id: string = randomUUID()): Vm {
    const mac = `52:54:00:${[3, 7, 11].map((factor) => ((index * factor + 16) % 256).toString(16).padStart(2, "0")).join(":")}`;
    const memory = [1, 2, 4, 8][index % 4] ?? 1;
    const vm: Vm = {
      id, name, host: "anvil", pool_id: POOL, owner: index % 5 === 4 ? null : "admin", title: index === 2 ? "Customer database" : "", description: "", state, pending_state: state, actions: ACTIONS[state],
      queued_tasks: 0, vcpus: [1, 2, 4][index % 3] ?? 1, memory: memory * GIB, max_vcpus: 4, max_memory: memory * GIB, firmware: "bios", secure_boot: false, tpm: false, domain_type: "qemu", autostart: index % 3 === 0,
      persistent: true,
      disks: [
        { target: "vda", device: "disk", bus: "virtio", source: `/var/lib/skerry/volumes/${name}.qcow2`, storage_pool: "default", volume: `${name}.qcow2`, format: "qcow2", size: 20 * GIB, allocation: 1.7 * GIB, read_only: false, boot_order: null },
        { target: "sda", device: "cdrom", bus: "sata", source: null, storage_pool: null, volume: null, format: null, size: null, allocation: null, read_only: true, boot_order: null },
      ],
      nics: [{ mac, kind: "network", network: "default", model: "virtio", link_up: true, boot_order: null }],
      boot_order: ["hd", "cdrom", "network"], direct_kernel: null, consoles: { graphics: state === "running", serial: state === "running" },
      addresses: state === "running" ? addressesOf(mac, index) : [], needs_restart: index === 1, template: index < 3 ? "aos" : null, etag: randomUUID(), created_at: ago(7200 + index * 600),
      started_at: state === "running" ? ago(7000) : null, sample: null,
    };
    this.vms.set(id, vm);
    this.definitions.set(id, definitionOf(vm));
    return vm;
  }

  setVm(id: string, change: Partial<Vm>, summary: string): void {
    const vm = this.vms.get(id);
    if (!vm) return;
    const state = change.state ?? vm.state;
    const index = [...this.vms.keys()].indexOf(id);
    const running = state === "running";
    const changed: Vm = {
      ...vm, pending_state: state, ...change, actions: change.actions ?? ACTIONS[change.pending_state ?? state],
      consoles: { graphics: running, serial: running },
      addresses: running ? (vm.addresses.length > 0 ? vm.addresses : addressesOf(vm.nics[0]?.mac ?? "", index)) : [],
    };
    this.vms.set(id, changed);
    this.fact("vm.changed", ref("vm", id, changed.name), summary, changed);
  }

  addTask(kind: string, title: string, object: ObjectRef): Task {
    const task: Task = {
      id: randomUUID(), kind, title, object, pool_id: POOL, state: "queued", step: "", step_number: 0, step_count: 4, progress: null, detail: "", cancel_requested: false, cancellable: true, error: null,
      not_undone: [], result: null, user: "admin", created_at: new Date().toISOString(), started_at: null, ended_at: null,
    };
    this.tasks.set(task.id, task);
    this.logs.set(task.id, []);
    return task;
  }

  setTask(id: string, change: Partial<Task>): void {
    const task = this.tasks.get(id);
    if (!task) return;
    const changed = { ...task, ...change };
    this.tasks.set(id, changed);
    this.fact("task.changed", ref("task", id, changed.title), `${changed.title}: ${changed.state}`, changed);
  }

  log(id: string, text: string): TaskLogLine {
    const lines = this.logs.get(id) ?? [];
    const line = { number: lines.length + 1, at: new Date().toISOString(), text };
    lines.push(line);
    return line;
  }

  fact(kind: string, object: ObjectRef, summary: string, data: unknown): void {
    this.number += 1;
    const fact: Fact = { id: `mock:${this.number}`, at: new Date().toISOString(), kind, object, pool_id: POOL, user: "admin", summary, data: data as Fact["data"] };
    this.facts.push(fact);
    this.say("fact", fact, fact.id);
  }

  get lastFact(): string {
    return `mock:${this.number}`;
  }

  sample(): void {
    const now = Date.now() / 1000;
    const machines = [...this.vms.values()].filter((vm) => vm.state === "running").map((vm, index) => ({
      uuid: vm.id,
      cpu: Math.min(1, Math.max(0.01, 0.25 + 0.2 * Math.sin(now / 9 + index) + 0.15 * Math.sin(now / 2.3 + index * 3) + (index === 2 ? 0.45 : 0))),
      memory: vm.memory * (0.35 + 0.5 * ((index % 5) / 5) + 0.03 * Math.sin(now / 20 + index)),
      resident: vm.memory * 0.8,
      disk_read: Math.max(0, 3e6 * Math.sin(now / 7 + index)), disk_write: Math.max(0, 1.5e6 * Math.cos(now / 5 + index)),
      net_receive: 2e5 + 1.6e5 * Math.sin(now / 6 + index), net_send: 0.8e5 + 0.6e5 * Math.cos(now / 4 + index),
    }));
    this.say("samples", { host: "anvil", at: new Date().toISOString(), cpu: 0.3 + 0.1 * Math.sin(now / 10), free_memory: 21 * GIB, machines });
  }
}

export function ref(kind: ObjectRef["kind"], id: string, name: string): ObjectRef {
  return { kind, id, name };
}

function ago(seconds: number): string {
  return new Date(Date.now() - seconds * 1000).toISOString();
}

function addressesOf(mac: string, index: number): Vm["addresses"] {
  return [
    { mac, address: `192.168.122.${20 + (index % 200)}`, prefix: 24, family: "ipv4", source: "lease", interface: "" },
    { mac, address: `fe80::5054:ff:fe${(index + 16).toString(16).padStart(2, "0")}:1`, prefix: 64, family: "ipv6", source: "agent", interface: "enp1s0" },
  ];
}

function definitionOf(vm: Vm): string {
  return `<domain type='${vm.domain_type}'>
  <name>${vm.name}</name>
  <uuid>${vm.id}</uuid>
  <memory unit='KiB'>${vm.memory / 1024}</memory>
  <vcpu placement='static'>${vm.vcpus}</vcpu>
  <os>
    <type arch='x86_64' machine='pc-q35-7.2'>hvm</type>
    <boot dev='hd'/>
    <boot dev='cdrom'/>
  </os>
  <features>
    <acpi/>
    <apic/>
  </features>
  <!-- kept as it was written -->
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <disk type='volume' device='disk'>
      <driver name='qemu' type='qcow2' discard='unmap'/>
      <source pool='default' volume='${vm.name}.qcow2'/>
      <target dev='vda' bus='virtio'/>
    </disk>
    <interface type='network'>
      <mac address='${vm.nics[0]?.mac ?? ""}'/>
      <source network='default'/>
      <model type='virtio'/>
    </interface>
    <serial type='pty'/>
    <graphics type='vnc'/>
    <rng model='virtio'>
      <backend model='random'>/dev/urandom</backend>
    </rng>
  </devices>
</domain>
`;
}
