import { expect, test } from "vitest";

import { aVm } from "../test/things";
import { vmRules, type VmFilter } from "./filters";
import { distinct, itemsOf, totalOf, withItem, withoutItem, type Pages } from "./pages";
import type { Vm } from "./types";

const ALL: VmFilter = { q: "", state: null, sort: "name", descending: false };

function pagesOf(pages: readonly (readonly Vm[])[], { more = false, total = 0 } = {}): Pages<Vm> {
  return {
    pages: pages.map((items, index) => ({
      items: [...items],
      next_cursor: index < pages.length - 1 || more ? "next" : null,
      total: total || pages.flat().length,
    })),
    pageParams: pages.map(() => null),
  };
}

function names(pages: Pages<Vm>): string[] {
  return itemsOf(pages).map((vm) => vm.name);
}

test("a machine that changed stays in its row, even if its sort value changed", () => {
  const [a, b] = [aVm({ name: "a", memory: 1 }), aVm({ name: "b", memory: 2 })];
  const filter: VmFilter = { ...ALL, sort: "memory" };

  const pages = withItem(pagesOf([[a, b]]), { ...a, memory: 99 }, vmRules(filter));

  expect(itemsOf(pages)[0]).toMatchObject({ name: "a", memory: 99 });
});

test("a new machine comes in where it belongs, and is counted", () => {
  const pages = withItem(pagesOf([[aVm({ name: "a" }), aVm({ name: "c" })]]), aVm({ name: "b" }), vmRules(ALL));

  expect(names(pages)).toEqual(["a", "b", "c"]);
  expect(totalOf(pages)).toBe(3);
});

test("a machine behind what is loaded does not make the list jump", () => {
  const before = pagesOf([[aVm({ name: "a" }), aVm({ name: "b" })]], { more: true, total: 50 });

  expect(withItem(before, aVm({ name: "z" }), vmRules(ALL))).toBe(before);
});

test("the last page takes what comes after all others", () => {
  const pages = withItem(pagesOf([[aVm({ name: "a" })], [aVm({ name: "b" })]]), aVm({ name: "z" }), vmRules(ALL));

  expect(pages.pages[1]?.items.map((vm) => vm.name)).toEqual(["b", "z"]);
});

test("a machine that the filter no longer shows leaves, and one that it does not show never comes", () => {
  const running = aVm({ name: "a", state: "running" });
  const rules = vmRules({ ...ALL, state: "running" });

  expect(names(withItem(pagesOf([[running]]), { ...running, state: "stopped" }, rules))).toEqual([]);
  expect(names(withItem(pagesOf([[running]]), aVm({ name: "b", state: "stopped" }), rules))).toEqual(["a"]);
});

test("the search looks into names, whatever their case", () => {
  const rules = vmRules({ ...ALL, q: "WEB" });

  expect([rules.shows(aVm({ name: "my-web-1" })), rules.shows(aVm({ name: "db" }))]).toEqual([true, false]);
});

test("descending lists take new machines in their order", () => {
  const pages = withItem(
    pagesOf([[aVm({ name: "c" }), aVm({ name: "a" })]]),
    aVm({ name: "b" }),
    vmRules({ ...ALL, descending: true }),
  );

  expect(names(pages)).toEqual(["c", "b", "a"]);
});

test("a removed machine is gone and no longer counted; an unknown one changes nothing", () => {
  const a = aVm({ name: "a" });
  const before = pagesOf([[a]], { total: 7 });

  expect(totalOf(withoutItem(before, a.id, vmRules(ALL)))).toBe(6);
  expect(withoutItem(before, "unknown", vmRules(ALL))).toBe(before);
});

test("what stands on two pages is shown once", () => {
  const a = aVm();

  expect(distinct([a, { ...a, name: "renamed" }])).toHaveLength(1);
});
