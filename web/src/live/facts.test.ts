import { QueryClient, QueryObserver } from "@tanstack/react-query";
import { beforeEach, expect, test } from "vitest";

import type { VmFilter } from "../api/filters";
import { itemsOf, type Pages } from "../api/pages";
import type { Task, Vm } from "../api/types";
import { aFact, aTask, aVm } from "../test/things";
import { FactFeed } from "./facts";

const ALL: VmFilter = { q: "", state: null, sort: "name", descending: false };

let client: QueryClient;
let feed: FactFeed;

beforeEach(() => {
  client = new QueryClient({ defaultOptions: { queries: { retry: false, staleTime: Infinity } } });
  feed = new FactFeed(client);
});

function pages<T>(...items: T[]): Pages<T> {
  return { pages: [{ items, next_cursor: null, total: items.length }], pageParams: [null] };
}

test("a fact changes the machine wherever the page shows it", () => {
  const vm = aVm({ state: "running" });
  client.setQueryData(["vm", vm.id], vm);
  client.setQueryData(["vms", ALL], pages(vm));

  feed.accept(aFact("vm.changed", { ...vm, state: "stopped" }));

  expect(client.getQueryData<Vm>(["vm", vm.id])?.state).toBe("stopped");
  expect(itemsOf(client.getQueryData<Pages<Vm>>(["vms", ALL]))[0]?.state).toBe("stopped");
});

test("a fact about another machine leaves a page as it is", () => {
  const vm = aVm();
  client.setQueryData(["vm", vm.id], vm);

  feed.accept(aFact("vm.changed", aVm()));

  expect(client.getQueryData(["vm", vm.id])).toBe(vm);
});

test("a removed machine leaves its lists", () => {
  const vm = aVm();
  client.setQueryData(["vms", ALL], pages(vm));

  feed.accept(aFact("vm.removed", vm, true));

  expect(itemsOf(client.getQueryData<Pages<Vm>>(["vms", ALL]))).toEqual([]);
});

test("an answer that was on its way when a fact came does not undo the fact", async () => {
  const vm = aVm({ state: "running" });
  let give: (vm: Vm) => void = () => undefined;
  const answer = new Promise<Vm>((resolve) => (give = resolve));
  const observer = new QueryObserver(client, { queryKey: ["vm", vm.id], queryFn: () => answer });
  const stop = observer.subscribe(() => undefined);

  feed.accept(aFact("vm.changed", { ...vm, state: "stopped" }));
  give(vm); // as the server saw it before
  await answer;
  await Promise.resolve();

  await expect.poll(() => client.getQueryData<Vm>(["vm", vm.id])?.state).toBe("stopped");
  stop();
});

test("facts are listed themselves, the newest first, each once", () => {
  const filter = { object: null, kind: null };
  client.setQueryData(["facts", filter], pages());
  const [one, two] = [aFact("vm.changed", aVm()), aFact("vm.changed", aVm())];

  feed.accept(one);
  feed.accept(two);
  feed.accept(one);

  const listed = client.getQueryData<Pages<{ id: string }>>(["facts", filter]);
  expect(itemsOf(listed).map((fact) => fact.id)).toEqual([two.id, one.id]);
});

test("progress moves a running task, and adds to its log what is new", () => {
  const task = aTask({ id: "t1" });
  client.setQueryData(["task", "t1"], task);
  client.setQueryData(["tasks", { state: null, object: null }], pages(task));
  client.setQueryData(["task-log", "t1"], { items: [{ number: 1, at: "", text: "one" }], total: 1 });

  feed.progress({
    task: "t1",
    step: "Clone",
    step_number: 2,
    step_count: 4,
    progress: 0.5,
    detail: "half",
    lines: [
      { number: 1, at: "", text: "one" },
      { number: 2, at: "", text: "two" },
    ],
  });

  expect(client.getQueryData<Task>(["task", "t1"])).toMatchObject({ step: "Clone", progress: 0.5 });
  expect(itemsOf(client.getQueryData<Pages<Task>>(["tasks", { state: null, object: null }]))[0]?.step).toBe("Clone");
  expect(client.getQueryData<{ items: unknown[] }>(["task-log", "t1"])?.items).toHaveLength(2);
});

test("a log with a gap is read again, and so is that of a task that has ended", () => {
  const log = { items: [{ number: 1, at: "", text: "one" }], total: 1 };
  client.setQueryData(["task-log", "gap"], log);
  client.setQueryData(["task-log", "ended"], log);
  const progress = { step: "", step_number: 1, step_count: 1, progress: null, detail: "" };

  feed.progress({ ...progress, task: "gap", lines: [{ number: 3, at: "", text: "three" }] });
  feed.accept(aFact("task.changed", aTask({ id: "ended", ended_at: "2026-01-01T10:00:00Z" })));

  expect(client.getQueryState(["task-log", "gap"])?.isInvalidated).toBe(true);
  expect(client.getQueryState(["task-log", "ended"])?.isInvalidated).toBe(true);
});

test("progress that comes after the end of a task does not bring it back to life", () => {
  client.setQueryData(["task", "t1"], aTask({ id: "t1", state: "succeeded", step: "Start" }));

  feed.progress({ task: "t1", step: "Clone", step_number: 2, step_count: 4, progress: 0.5, detail: "", lines: [] });

  expect(client.getQueryData<Task>(["task", "t1"])?.step).toBe("Start");
});

test("after a reset everything is asked for anew, except what a person is editing", () => {
  client.setQueryData(["vms", ALL], pages());
  client.setQueryData(["definition", "x"], { xml: "", etag: "" });

  feed.reset();

  expect(client.getQueryState(["vms", ALL])?.isInvalidated).toBe(true);
  expect(client.getQueryState(["definition", "x"])?.isInvalidated).toBe(false);
});

test("a fact without data makes its list be asked for anew", () => {
  client.setQueryData(["networks"], { items: [], total: 0 });

  feed.accept(aFact("network.changed", { id: "anvil" }, true));

  expect(client.getQueryState(["networks"])?.isInvalidated).toBe(true);
});
