/** The last minutes of what hosts and machines used, kept in this tab only. */

import { useSyncExternalStore } from "react";

import type { MachineSample, SamplesOfHost } from "../api/types";

const KEPT_MS = 5 * 60_000;

export interface Timed<T> {
  at: number; // ms since the epoch
  value: T;
}

export interface HostSample {
  cpu: number;
  free_memory: number;
}

/** Histories by id. Each change makes a new array, so that React sees it. */
class Histories<T> {
  private readonly byId = new Map<string, readonly Timed<T>[]>();

  get(id: string): readonly Timed<T>[] {
    return this.byId.get(id) ?? NOTHING;
  }

  add(id: string, at: number, value: T): void {
    const kept = this.get(id).filter((sample) => sample.at > at - KEPT_MS && sample.at < at);
    this.byId.set(id, [...kept, { at, value }]);
  }

  forget(id: string): void {
    this.byId.delete(id);
  }
}

const NOTHING: readonly never[] = [];

/** What came over the stream; components read it with the hooks below. */
export class Samples {
  readonly machines = new Histories<MachineSample>();
  readonly hosts = new Histories<HostSample>();
  private readonly listeners = new Set<() => void>();

  accept(samples: SamplesOfHost): void {
    const at = Date.parse(samples.at);
    this.hosts.add(samples.host, at, { cpu: samples.cpu, free_memory: samples.free_memory });
    for (const machine of samples.machines) this.machines.add(machine.uuid, at, machine);
    this.tell();
  }

  /** A machine that stopped uses nothing; its past belongs to its last run. */
  forget(uuid: string): void {
    this.machines.forget(uuid);
    this.tell();
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  private tell(): void {
    for (const listener of this.listeners) listener();
  }
}

export const samples = new Samples();

/** The last minutes of a machine. */
export function useMachineHistory(id: string): readonly Timed<MachineSample>[] {
  return useSyncExternalStore(samples.subscribe, () => samples.machines.get(id));
}

/** What a machine used last. */
export function useMachineSample(id: string): MachineSample | null {
  return useSyncExternalStore(samples.subscribe, () => samples.machines.get(id).at(-1)?.value ?? null);
}

/** The last minutes of a host. */
export function useHostHistory(name: string): readonly Timed<HostSample>[] {
  return useSyncExternalStore(samples.subscribe, () => samples.hosts.get(name));
}
