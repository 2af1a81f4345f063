/** Works facts of the event stream into what the page has loaded, so that nothing is ever polled. */

import { notifyManager, type Query, type QueryClient, type QueryKey } from "@tanstack/react-query";

import {
  factRules,
  imageRules,
  taskRules,
  vmRules,
  type FactFilter,
  type ImageFilter,
  type TaskFilter,
  type VmFilter,
} from "../api/filters";
import { withItem, withoutItem, type Pages, type Rules } from "../api/pages";
import type { Fact, HostInfo, Image, Page, Task, TaskLogLine, TaskProgress, Vm } from "../api/types";

const REMEMBERED = 500;

/** Facts of the last while: an answer that was on its way when one came may not know of it yet. */
export class FactFeed {
  private readonly recent: Fact[] = [];
  private count = 0;
  private readonly marks = new Map<string, number>();
  /** Stops following the caches. */
  readonly close: () => void;

  constructor(private readonly client: QueryClient) {
    this.close = client.getQueryCache().subscribe((event) => {
      if (event.type === "removed") this.marks.delete(event.query.queryHash);
      if (event.type !== "updated") return;
      if (event.action.type === "fetch") this.marks.set(event.query.queryHash, this.count);
      if (event.action.type === "success" && !event.action.manual) this.catchUp(event.query as Query);
    });
  }

  /** Something happened. */
  accept(fact: Fact): void {
    this.count += 1;
    this.recent.push(fact);
    if (this.recent.length > REMEMBERED) this.recent.shift();
    notifyManager.batch(() => {
      for (const query of this.client.getQueryCache().getAll()) this.apply(query, fact);
    });
    const stale = LISTS_WITHOUT_DATA[fact.kind];
    if (stale && fact.data === null) void this.client.invalidateQueries({ queryKey: stale });
    if (fact.kind === "task.changed" && fact.data?.ended_at) {
      this.readLogAgain(fact.object.id);
      // Whatever a task made or removed; only what is shown is asked for again.
      for (const queryKey of MADE_BY_TASKS) void this.client.invalidateQueries({ queryKey });
    }
  }

  /** Nobody knows what was missed: ask for everything anew. */
  reset(): void {
    this.recent.length = 0;
    void this.client.invalidateQueries({ predicate: (query) => !KEPT.has(String(query.queryKey[0])) });
  }

  /** How far a task is, and what it said. */
  progress(progress: TaskProgress): void {
    const { task: id, lines, ...rest } = progress;
    const change = (task: Task): Task => (task.id === id && task.state === "running" ? { ...task, ...rest } : task);
    notifyManager.batch(() => {
      this.client.setQueriesData<Task>({ queryKey: ["task", id] }, (task) => task && change(task));
      this.client.setQueriesData<Pages<Task>>({ queryKey: ["tasks"] }, (pages) => pages && mapPages(pages, change));
    });
    this.addToLog(id, lines);
  }

  private addToLog(id: string, lines: readonly TaskLogLine[]): void {
    const log = this.client.getQueryData<Page<TaskLogLine>>(["task-log", id]);
    const last = log?.items.at(-1)?.number ?? 0;
    const fresh = lines.filter((line) => line.number > last);
    const [first] = fresh;
    if (!log || !first) return;
    if (first.number > last + 1) this.readLogAgain(id); // one came while the log was on its way
    else this.client.setQueryData(["task-log", id], { ...log, items: [...log.items, ...fresh] });
  }

  private readLogAgain(id: string): void {
    void this.client.invalidateQueries({ queryKey: ["task-log", id] });
  }

  private catchUp(query: Query): void {
    const missed = this.count - (this.marks.get(query.queryHash) ?? this.count);
    for (const fact of missed > 0 ? this.recent.slice(-missed) : []) this.apply(query, fact);
  }

  private apply(query: Query, fact: Fact): void {
    const data: unknown = query.state.data;
    const patched = patch(query.queryKey, data, fact);
    if (patched !== data) this.client.setQueryData(query.queryKey, patched);
  }
}

/** Lists whose facts carry no data, only the news that they changed. */
const LISTS_WITHOUT_DATA: Readonly<Record<string, QueryKey | undefined>> = {
  "network.changed": ["networks"],
  "storage-pool.changed": ["storage-pools"],
  "host.changed": ["hosts"],
};

/** What hosts know alone, so that no fact has it. */
const MADE_BY_TASKS: readonly QueryKey[] = [["volumes"], ["uploads"]];

/** What facts say nothing about, or what a person is working on. */
const KEPT: ReadonlySet<string> = new Set(["session", "about", "definition"]);

/** What a query knows after a fact; the same object where the fact says nothing about it. */
export function patch(key: QueryKey, data: unknown, fact: Fact): unknown {
  const [what, which] = key;
  switch (what) {
    case "vm":
      return which !== fact.object.id ? data : fact.kind === "vm.changed" ? fact.data : data;
    case "vms":
      return patchPages<Vm>(data, fact, "vm", vmRules(which as VmFilter));
    case "image":
      return which === fact.object.id && fact.kind === "image.changed" ? fact.data : data;
    case "images":
      return patchPages<Image>(data, fact, "image", imageRules(which as ImageFilter));
    case "task":
      return which === fact.object.id && fact.kind === "task.changed" ? fact.data : data;
    case "tasks":
      return patchPages<Task>(data, fact, "task", taskRules(which as TaskFilter));
    case "facts":
      return patchFacts(data, fact, which as FactFilter);
    case "hosts":
      return fact.kind === "host.changed" && fact.data ? patchHosts(data, fact.data as unknown as HostInfo) : data;
    default:
      return data;
  }
}

function patchPages<T>(data: unknown, fact: Fact, noun: string, rules: Rules<T>): unknown {
  if (data === undefined) return data;
  const pages = data as Pages<T>;
  if (fact.kind === `${noun}.removed`) return withoutItem(pages, fact.object.id, rules);
  if (fact.kind === `${noun}.changed` && fact.data) return withItem(pages, fact.data as T, rules);
  return data;
}

function patchFacts(data: unknown, fact: Fact, filter: FactFilter): unknown {
  const rules = factRules(filter);
  if (data === undefined || !rules.shows(fact)) return data;
  return withItem(data as Pages<Fact>, fact, rules);
}

function patchHosts(data: unknown, host: HostInfo): unknown {
  if (data === undefined) return data;
  const page = data as Page<HostInfo>;
  const known = page.items.some((other) => other.name === host.name);
  const items = known
    ? page.items.map((other) => (other.name === host.name ? host : other))
    : [...page.items, host];
  return { ...page, items, total: known ? page.total : page.total + 1 };
}

function mapPages<T>(pages: Pages<T>, change: (item: T) => T): Pages<T> {
  if (pages.pages.every((page) => page.items.every((item) => change(item) === item))) return pages;
  return { ...pages, pages: pages.pages.map((page) => ({ ...page, items: page.items.map(change) })) };
}
