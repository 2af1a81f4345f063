/** Lists that come in pages, and how one changed thing is worked into them without making them jump. */

import type { InfiniteData } from "@tanstack/react-query";

import type { Page } from "./types";

export type Pages<T> = InfiniteData<Page<T>, string | null>;

export interface Rules<T> {
  idOf(item: T): string;
  /** Whether the filter of this list shows the thing. */
  shows(item: T): boolean;
  /** The order of this list. */
  compare(a: T, b: T): number;
}

/** The cursor of the next page, in TanStack's words. */
export function nextCursor<T>(page: Page<T>): string | undefined {
  return page.next_cursor ?? undefined;
}

/** Everything that is loaded. */
export function itemsOf<T>(pages: Pages<T> | undefined): T[] {
  return pages?.pages.flatMap((page) => page.items) ?? [];
}

/** Each thing once: what was renamed may stand on two pages. */
export function distinct<T extends { id: string }>(items: readonly T[]): T[] {
  return [...new Map(items.map((item) => [item.id, item])).values()];
}

/** How many there are on the server. */
export function totalOf<T>(pages: Pages<T> | undefined): number {
  return pages?.pages.at(-1)?.total ?? 0;
}

/**
 * Work a changed thing in. What is loaded changes in its place, so that rows stay under the pointer; what is new
 * comes in where it belongs, if that is within what is loaded; what the filter no longer shows goes.
 */
export function withItem<T>(pages: Pages<T>, item: T, rules: Rules<T>): Pages<T> {
  const id = rules.idOf(item);
  const known = itemsOf(pages).some((other) => rules.idOf(other) === id);
  if (known && rules.shows(item)) {
    return mapItems(pages, (items) => items.map((other) => (rules.idOf(other) === id ? item : other)));
  }
  if (known) return withoutItem(pages, id, rules);
  return rules.shows(item) ? insert(pages, item, rules) : pages;
}

/** Take a thing out that is gone. */
export function withoutItem<T>(pages: Pages<T>, id: string, rules: Rules<T>): Pages<T> {
  const known = itemsOf(pages).some((item) => rules.idOf(item) === id);
  if (!known) return pages;
  return withTotal(
    mapItems(pages, (items) => items.filter((item) => rules.idOf(item) !== id)),
    -1,
  );
}

function insert<T>(pages: Pages<T>, item: T, rules: Rules<T>): Pages<T> {
  const last = pages.pages.length - 1;
  const at = pages.pages.findIndex((page) => page.items.some((other) => rules.compare(item, other) < 0));
  if (at < 0 && pages.pages[last]?.next_cursor) return pages; // behind what is loaded: it comes with its page
  const target = at < 0 ? last : at;
  const inserted = pages.pages.map((page, index) => {
    if (index !== target) return page;
    const before = page.items.findIndex((other) => rules.compare(item, other) < 0);
    return { ...page, items: page.items.toSpliced(before < 0 ? page.items.length : before, 0, item) };
  });
  return withTotal({ ...pages, pages: inserted }, 1);
}

function mapItems<T>(pages: Pages<T>, change: (items: T[]) => T[]): Pages<T> {
  return { ...pages, pages: pages.pages.map((page) => ({ ...page, items: change(page.items) })) };
}

function withTotal<T>(pages: Pages<T>, difference: number): Pages<T> {
  return { ...pages, pages: pages.pages.map((page) => ({ ...page, total: Math.max(0, page.total + difference) })) };
}
