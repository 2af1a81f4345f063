/** What lists can be asked for; also part of their cache keys, so that facts can be matched against them. */

import type { Fact, Image, Task, TaskState, Vm, VmState } from "./types";
import type { Rules } from "./pages";

export interface VmFilter {
  q: string;
  state: VmState | null;
  sort: "name" | "created_at" | "state" | "memory" | "vcpus";
  descending: boolean;
}

export interface TaskFilter {
  state: TaskState | null;
  object: string | null;
}

export interface ImageFilter {
  q: string;
  kind: Image["kind"] | null;
}

export interface FactFilter {
  object: string | null;
  kind: string | null;
}

/** What a list of machines shows, and in which order. */
export function vmRules(filter: VmFilter): Rules<Vm> {
  const wanted = filter.q.toLowerCase();
  const sign = filter.descending ? -1 : 1;
  return {
    idOf: (vm) => vm.id,
    shows: (vm) => (filter.state === null || vm.state === filter.state) && vm.name.toLowerCase().includes(wanted),
    compare: (a, b) => sign * (order(a[filter.sort], b[filter.sort]) || order(a.id, b.id)),
  };
}

/** Tasks are listed from the newest to the oldest. */
export function taskRules(filter: TaskFilter): Rules<Task> {
  return {
    idOf: (task) => task.id,
    shows: (task) =>
      (filter.state === null || task.state === filter.state) &&
      (filter.object === null || task.object.id === filter.object),
    compare: (a, b) => -order(a.created_at, b.created_at) || order(a.id, b.id),
  };
}

/** Images are listed by name. */
export function imageRules(filter: ImageFilter): Rules<Image> {
  const wanted = filter.q.toLowerCase();
  return {
    idOf: (image) => image.id,
    shows: (image) =>
      (filter.kind === null || image.kind === filter.kind) && image.name.toLowerCase().includes(wanted),
    compare: (a, b) => order(a.name, b.name),
  };
}

/** Facts are listed from the newest to the oldest, and never change. */
export function factRules(filter: FactFilter): Rules<Fact> {
  return {
    idOf: (fact) => fact.id,
    shows: (fact) =>
      (filter.object === null || fact.object.id === filter.object) &&
      (filter.kind === null || fact.kind === filter.kind),
    compare: (a, b) => -order(numberOf(a), numberOf(b)),
  };
}

function numberOf(fact: Fact): number {
  return Number(fact.id.slice(fact.id.lastIndexOf(":") + 1));
}

function order(a: string | number, b: string | number): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
