/** What the pretended cloud does when it is asked to: tasks that take their time. */

import type { NewVm, ObjectRef, Task, VmAction, VmState } from "../src/api/types";
import { ref, type World } from "./world.ts";

const AFTER: Readonly<Record<VmAction, VmState>> = {
  start: "running", shutdown: "stopped", poweroff: "stopped", reboot: "running", reset: "running", pause: "paused", resume: "running", save: "saved", restore: "running",
};

const STEP_MS = 450;

/** Run a task through its steps, then do what it is for. */
export function perform(world: World, kind: string, title: string, object: ObjectRef, steps: readonly string[], finish: () => void): Task {
  const task = world.addTask(kind, title, object);
  world.setTask(task.id, { step_count: steps.length });
  let ticks = 0;
  const timer = setInterval(() => {
    const now = world.tasks.get(task.id);
    const step = steps[Math.floor(ticks / 4)];
    if (!now || now.cancel_requested) {
      clearInterval(timer);
      world.setTask(task.id, { state: "cancelled", ended_at: new Date().toISOString() });
      return;
    }
    if (step === undefined) {
      clearInterval(timer);
      world.setTask(task.id, { state: "succeeded", progress: 1, ended_at: new Date().toISOString(), result: { [object.kind]: object.id } });
      finish();
      return;
    }
    const progress = ticks / (steps.length * 4);
    if (ticks === 0) world.setTask(task.id, { state: "running", started_at: new Date().toISOString() });
    const lines = ticks % 4 === 0 ? [world.log(task.id, `${step} …`)] : [];
    world.say("progress", { task: task.id, step, step_number: Math.floor(ticks / 4) + 1, step_count: steps.length, progress, detail: `${Math.round(progress * 100)} %`, lines });
    ticks += 1;
  }, STEP_MS);
  return world.tasks.get(task.id) ?? task;
}

export function act(world: World, id: string, action: VmAction): Task {
  const vm = world.vms.get(id);
  const name = vm?.name ?? id;
  world.setVm(id, { pending_state: AFTER[action], queued_tasks: 1 }, `${name}: ${action} asked for`);
  return perform(world, `vm.${action}`, `${action} ${name}`, ref("vm", id, name), ["Tell the hypervisor"], () =>
    world.setVm(id, { state: AFTER[action], queued_tasks: 0, started_at: AFTER[action] === "running" ? new Date().toISOString() : null }, `${name}: ${action} done`),
  );
}

export function create(world: World, wanted: NewVm): Task {
  const vm = world.addVm(wanted.name, "creating", world.vms.size);
  world.setVm(vm.id, { state: "creating", pending_state: wanted.start ? "running" : "stopped", vcpus: wanted.vcpus, memory: wanted.memory, addresses: [] }, `${wanted.name} is being created`);
  return perform(world, "vm.create", `Create ${wanted.name}`, ref("vm", vm.id, wanted.name), ["Reserve the name", "Clone the disk", "Write the seed", "Define", ...(wanted.start ? ["Start"] : [])], () =>
    world.setVm(vm.id, { state: wanted.start ? "running" : "stopped", started_at: new Date().toISOString() }, `${wanted.name} was created`),
  );
}
