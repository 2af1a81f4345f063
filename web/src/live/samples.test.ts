import { expect, test } from "vitest";

import type { SamplesOfHost } from "../api/types";
import { Samples } from "./samples";

function at(seconds: number, cpu: number): SamplesOfHost {
  const machine = { uuid: "m", cpu, memory: null, resident: 0, disk_read: 0, disk_write: 0, net_receive: 0, net_send: 0 };
  return { host: "anvil", at: new Date(seconds * 1000).toISOString(), cpu, free_memory: 0, machines: [machine] };
}

test("only the last five minutes are kept", () => {
  const samples = new Samples();

  samples.accept(at(0, 0.1));
  samples.accept(at(200, 0.2));
  samples.accept(at(400, 0.3));

  expect(samples.machines.get("m").map((sample) => sample.value.cpu)).toEqual([0.2, 0.3]);
  expect(samples.hosts.get("anvil")).toHaveLength(2);
});

test("a history is the same object until something is added, as React wants it", () => {
  const samples = new Samples();
  samples.accept(at(0, 0.1));

  expect(samples.machines.get("m")).toBe(samples.machines.get("m"));
  expect(samples.machines.get("unknown")).toBe(samples.machines.get("other"));
});

test("a machine that stopped begins anew", () => {
  const samples = new Samples();
  samples.accept(at(0, 0.1));

  samples.forget("m");

  expect(samples.machines.get("m")).toEqual([]);
});
