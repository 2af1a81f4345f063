/** The REST contract over the pretended cloud. */

import { randomUUID } from "node:crypto";

import type { NewVm, Task, Vm, VmAction, VmChanges } from "../src/api/types";
import { act, create, perform } from "./work.ts";
import { MIB, ref, type World } from "./world.ts";

export interface Request {
  method: string;
  path: string;
  query: URLSearchParams;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  body: unknown;
  bytes: number;
}

export interface Reply {
  status: number;
  body?: unknown;
  headers?: Record<string, string>;
  text?: string;
}

const ok = (body: unknown, status = 200, headers: Record<string, string> = {}): Reply => ({ status, body, headers });
const accepted = (task: Task): Reply => ok(task, 202, { Location: `/api/v1/tasks/${task.id}` });

export function problem(status: number, code: string, detail: string, hint: string | null = null, errors: unknown[] = []): Reply {
  return ok({ type: `urn:skerry:problem:${code}`, title: code, status, detail, code, hint, errors }, status, { "Content-Type": "application/problem+json" });
}

export function page(items: readonly unknown[], query: URLSearchParams): Reply {
  const limit = Number(query.get("limit") ?? 100);
  const start = Number(query.get("cursor") ?? 0);
  const next = start + limit < items.length ? String(start + limit) : null;
  return ok({ items: items.slice(start, start + limit), next_cursor: next, total: items.length });
}

/** Answer a request to the API. */
export function route(world: World, request: Request, signedIn: { name: string | null }): Reply {
  const [noun = "", id = "", part = "", which = "", deed = ""] = request.path.split("/").map(decodeURIComponent);
  const key = `${request.method} ${noun}`;
  if (noun === "about") return ok({ name: "skerry", version: "0.1.0", api: "v1" });
  if (noun === "sessions") return sessions(request, signedIn);
  if (signedIn.name === null) return problem(401, "unauthenticated", "nobody is signed in", "sign in");
  switch (noun) {
    case "vms":
      return vms(world, request, id, part, which, deed);
    case "images":
      return images(world, request, id);
    case "uploads":
      return uploads(world, request, id);
    case "tasks":
      return tasks(world, request, id, part);
    default:
      return others(world, request, key, id);
  }
}

function sessions(request: Request, signedIn: { name: string | null }): Reply {
  if (request.method === "DELETE") {
    signedIn.name = null;
    return { status: 204 };
  }
  if (request.method === "POST") {
    const { user, password } = request.body as { user: string; password: string };
    if (password !== "skerry") return problem(401, "unauthenticated", "the name or the password is wrong", "the password of admin was printed when Skerry was started first");
    signedIn.name = user;
  }
  if (signedIn.name === null) return problem(401, "unauthenticated", "nobody is signed in");
  const user = { name: signedIn.name, admin: signedIn.name === "admin", created_at: new Date().toISOString() };
  return ok({ user, permissions: ["*"], csrf_token: "mock-token", expires_at: new Date(Date.now() + 36e5).toISOString() }, request.method === "POST" ? 201 : 200);
}

function others(world: World, request: Request, key: string, id: string): Reply {
  const { query } = request;
  switch (key) {
    case "GET hosts":
      return id ? ok(world.host) : page([world.host], query);
    case "GET networks":
      return page(world.networks, query);
    case "GET storage-pools":
      return page(world.storagePools, query);
    case "GET volumes":
      return page([{ storage_pool: "default", name: "found.qcow2", path: "/var/lib/skerry/volumes/found.qcow2", format: "qcow2", capacity: 8e9, allocation: 1e9, backing: null, used_by: [], host: "anvil", image: null, clones: [], unused: true }], query);
    case "GET facts": {
      const object = query.get("object");
      const facts = world.facts.filter((fact) => !object || fact.object.id === object).reverse();
      query.set("cursor", query.get("before") ?? "0");
      return page(facts, query);
    }
    case "GET users":
      return page(world.users, query);
    case "POST users": {
      const user = { ...(request.body as { name: string; admin: boolean }), created_at: new Date().toISOString() };
      world.users = [...world.users, { name: user.name, admin: user.admin, created_at: user.created_at }];
      return ok(user, 201);
    }
    case "DELETE users":
      world.users = world.users.filter((user) => user.name !== id);
      return { status: 204 };
    case "PUT users":
      return (request.body as { old_password: string }).old_password === "skerry" ? { status: 204 } : problem(422, "wrong-password", "the old password is wrong");
    case "GET tokens":
      return page(world.tokens, query);
    case "POST tokens": {
      const { name } = request.body as { name: string };
      const token = { id: randomUUID(), name, user: "admin", created_at: new Date().toISOString(), expires_at: new Date(Date.now() + 90 * 864e5).toISOString(), last_used_at: null };
      world.tokens = [...world.tokens, token];
      return ok({ ...token, secret: "skerry_3nQ0mVdXw8Yb2uRk7TzLhA" }, 201);
    }
    case "DELETE tokens":
      world.tokens = world.tokens.filter((token) => token.id !== id);
      return { status: 204 };
    case "GET guest-oses":
      return page([{ host: "anvil", name: "debootstrap", path: "/usr/share/ganeti/os/debootstrap", usable: true, variants: ["default"], parameters: [{ name: "filesystem", help: "The filesystem to use for the root" }], api_versions: [20, 15, 10], problems: [] }], query);
    case "GET pools":
      return page([{ id: "00000000-0000-4000-8000-000000000001", name: "default", parent_id: null, path: "/default" }], query);
    default:
      return problem(404, "not-found", `there is nothing at ${request.path}`);
  }
}

function vms(world: World, request: Request, id: string, part: string, which: string, deed: string): Reply {
  if (!id) return request.method === "POST" ? newVm(world, request.body as NewVm) : listVms(world, request.query);
  const vm = world.vms.get(id) ?? [...world.vms.values()].find((other) => other.name === id);
  if (!vm) return problem(404, "not-found", `there is no machine ${id}`, "it may have been deleted; look at the list");
  const me = ref("vm", vm.id, vm.name);
  switch (`${request.method} ${part}`) {
    case "GET ":
      return ok(vm, 200, { ETag: vm.etag });
    case "PATCH ": {
      const changes = Object.fromEntries(Object.entries(request.body as VmChanges).filter(([name, value]) => value !== null && name !== "remove_direct_kernel"));
      return accepted(perform(world, "vm.change", `Change ${vm.name}`, me, ["Change the definition"], () => world.setVm(vm.id, { ...changes, etag: randomUUID(), needs_restart: vm.state === "running" }, `${vm.name} was changed`)));
    }
    case "DELETE ":
      return accepted(perform(world, "vm.delete", `Delete ${vm.name}`, me, ["Undefine", "Delete the disks"], () => {
        world.vms.delete(vm.id);
        world.fact("vm.removed", me, `${vm.name} was deleted`, null);
      }));
    case "POST actions": {
      const { action } = request.body as { action: VmAction };
      if (!vm.actions.includes(action)) return problem(409, "wrong-state", `${vm.name} cannot ${action} while it is ${vm.state}`);
      return accepted(act(world, vm.id, action));
    }
    case "POST clone": {
      const copy = world.addVm((request.body as { name: string }).name, "creating", world.vms.size);
      world.setVm(copy.id, { state: "creating", pending_state: "stopped" }, `${copy.name} is being cloned`);
      return accepted(perform(world, "vm.clone", `Clone ${vm.name} to ${copy.name}`, ref("vm", copy.id, copy.name), ["Copy the disks", "Define"], () => world.setVm(copy.id, { state: "stopped" }, `${copy.name} was cloned`)));
    }
    case "GET definition":
      return ok({ xml: world.definitions.get(vm.id), etag: vm.etag }, 200, { ETag: vm.etag });
    case "POST definition":
    case "PUT definition":
      return definition(world, request, vm);
    case "POST consoles":
      return ok({ ticket: (request.body as { kind: string }).kind, path: `/api/v1/consoles/${(request.body as { kind: string }).kind}`, expires_at: new Date().toISOString() }, 201);
    case "GET snapshots":
      return ok({ items: world.snapshots.get(vm.id) ?? [] });
    case "POST snapshots": {
      const wanted = request.body as { name: string; description: string };
      return accepted(perform(world, "vm.snapshot", `Snapshot ${vm.name}`, me, ["Take the snapshot"], () => {
        const old = (world.snapshots.get(vm.id) ?? []).map((snapshot) => ({ ...snapshot, current: false }));
        if (which) return;
        world.snapshots.set(vm.id, [...old, { ...wanted, created_at: new Date().toISOString(), current: true }]);
      }));
    }
    case "DELETE snapshots":
      return accepted(perform(world, "vm.snapshot-delete", `Delete snapshot ${which}`, me, ["Delete"], () => world.snapshots.set(vm.id, (world.snapshots.get(vm.id) ?? []).filter((snapshot) => snapshot.name !== which))));
    default:
      return accepted(perform(world, `vm.${part}`, `Change ${part} of ${vm.name} ${deed}`.trim(), me, ["Change"], () => world.setVm(vm.id, { etag: randomUUID() }, `${vm.name} was changed`)));
  }
}

function definition(world: World, request: Request, vm: Vm): Reply {
  const { xml } = request.body as { xml: string };
  if (!xml.trimStart().startsWith("<domain")) return problem(422, "bad-definition", "XML error: the root element is not a domain", "start with <domain type='kvm'>");
  if (/<memory[^>]*>0</.test(xml)) return problem(422, "bad-definition", "memory must be more than 0");
  if (request.method === "POST") return ok({ xml, etag: vm.etag });
  const condition = request.headers["if-match"];
  if (!condition) return problem(428, "precondition-required", "If-Match is missing");
  if (condition !== `"${vm.etag}"`) return problem(412, "changed", `${vm.name} was changed meanwhile`, "look at what changed, then save again");
  world.definitions.set(vm.id, xml);
  world.setVm(vm.id, { etag: randomUUID(), needs_restart: vm.state === "running" }, `${vm.name} was redefined`);
  return ok({ xml, etag: world.vms.get(vm.id)?.etag });
}

function newVm(world: World, wanted: NewVm): Reply {
  if ([...world.vms.values()].some((vm) => vm.name === wanted.name)) return problem(409, "name-taken", `there is a machine ${wanted.name} already`, "choose another name");
  if (wanted.memory > 64 * 1024 * MIB) return problem(422, "bad-input", "the request is not valid", null, [{ in: "body", field: "memory", message: "anvil has 64 GiB only" }]);
  return accepted(create(world, wanted));
}

function listVms(world: World, query: URLSearchParams): Reply {
  const q = (query.get("q") ?? "").toLowerCase();
  const state = query.get("state");
  const sort = (query.get("sort") ?? "name") as "name" | "created_at" | "state" | "memory" | "vcpus";
  const sign = query.get("descending") === "true" ? -1 : 1;
  const found = [...world.vms.values()]
    .filter((vm) => vm.name.toLowerCase().includes(q) && (!state || vm.state === state))
    .sort((a, b) => sign * (a[sort] < b[sort] ? -1 : a[sort] > b[sort] ? 1 : 0));
  return page(found, query);
}

function images(world: World, request: Request, id: string): Reply {
  const image = world.images.get(id) ?? [...world.images.values()].find((other) => other.name === id);
  if (request.method === "GET" && !id) {
    const kind = request.query.get("kind");
    return page([...world.images.values()].filter((other) => !kind || other.kind === kind).sort((a, b) => (a.name < b.name ? -1 : 1)), request.query);
  }
  if (request.method === "POST") {
    const { name } = request.body as { name: string };
    const added = world.addImage(name, name.includes("iso") ? "iso" : "template", 1024 * MIB);
    world.images.set(added.id, { ...added, state: "importing", used_by: [] });
    world.fact("image.changed", ref("image", added.id, name), `${name} is being imported`, world.images.get(added.id));
    return accepted(perform(world, "image.import", `Import ${name}`, ref("image", added.id, name), ["Check", "Convert", "Move into the pool"], () => {
      world.images.set(added.id, { ...added, used_by: [] });
      world.fact("image.changed", ref("image", added.id, name), `${name} was imported`, world.images.get(added.id));
    }));
  }
  if (!image) return problem(404, "not-found", `there is no image ${id}`);
  if (request.method === "PATCH") {
    const changed = { ...image, ...(request.body as object) };
    world.images.set(image.id, changed);
    world.fact("image.changed", ref("image", image.id, changed.name), `${changed.name} was changed`, changed);
    return ok(changed);
  }
  if (request.method === "DELETE") {
    if (image.used_by.length > 0) return problem(409, "in-use", `${image.name} is used by ${image.used_by.join(", ")}`, "delete these machines first, or make full copies of their disks");
    const deleting = { ...image, state: "deleting" as const };
    world.images.set(image.id, deleting);
    world.fact("image.changed", ref("image", image.id, image.name), `${image.name} is being deleted`, deleting);
    return accepted(perform(world, "image.delete", `Delete ${image.name}`, ref("image", image.id, image.name), ["Delete the volume"], () => {
      world.images.delete(image.id);
      world.fact("image.removed", ref("image", image.id, image.name), `${image.name} was deleted`, null);
    }));
  }
  return ok(image);
}

function uploads(world: World, request: Request, id: string): Reply {
  if (!id && request.method === "GET") return page([...world.uploads.values()], request.query);
  if (request.method === "POST") {
    const { size, name } = request.body as { size: number; name: string };
    const expires = new Date(Date.now() + 48 * 3600 * 1000).toISOString();
    const upload = { id: randomUUID(), name, user: "admin", size, received: 0, expires_at: expires };
    world.uploads.set(upload.id, upload);
    return ok(upload, 201);
  }
  const upload = world.uploads.get(id);
  if (!upload) return problem(404, "not-found", "there is no such upload");
  if (request.method === "PUT") {
    const changed = { ...upload, received: Number(request.query.get("offset")) + request.bytes };
    world.uploads.set(id, changed);
    return ok(changed);
  }
  return ok(upload);
}

function tasks(world: World, request: Request, id: string, part: string): Reply {
  if (!id) {
    const state = request.query.get("state");
    const object = request.query.get("object");
    const found = [...world.tasks.values()].filter((task) => (!state || task.state === state) && (!object || task.object.id === object));
    return page(found.sort((a, b) => (a.created_at < b.created_at ? 1 : -1)), request.query);
  }
  const task = world.tasks.get(id);
  if (!task) return problem(404, "not-found", `there is no task ${id}`);
  if (part === "log") return page(world.logs.get(id) ?? [], request.query);
  if (part === "cancel") {
    world.setTask(id, { cancel_requested: true });
    return accepted(world.tasks.get(id) ?? task);
  }
  return ok(task);
}
