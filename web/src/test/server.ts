/** A server for tests: answers requests by a table, and remembers what was asked. */

import { vi } from "vitest";

import type { Problem } from "../api/types";

export interface Asked {
  method: string;
  path: string; // below /api/v1/, with its query
  headers: Headers;
  body: unknown;
}

export type Answer = (asked: Asked) => Response | Promise<Response>;

/** Answers by `GET vms`; the longest beginning that fits wins. What is not in the table fails the test. */
export function serve(table: Record<string, Answer | object>): Asked[] {
  const requests: Asked[] = [];
  const answer = async (input: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
    const request = input instanceof Request ? input : new Request(new URL(String(input), location.origin), init);
    const url = new URL(request.url);
    const text = await request.text();
    const asked: Asked = {
      method: request.method,
      path: url.pathname.replace("/api/v1/", "") + url.search,
      headers: request.headers,
      body: text.startsWith("{") ? JSON.parse(text) : text,
    };
    requests.push(asked);
    const line = `${asked.method} ${asked.path}`;
    const [key] = Object.keys(table).filter((start) => line.startsWith(start)).sort((a, b) => b.length - a.length);
    if (key === undefined) throw new Error(`nobody answers ${line}`);
    const found = table[key];
    return typeof found === "function" ? (found as Answer)(asked) : json(found);
  };
  vi.spyOn(globalThis, "fetch").mockImplementation(answer);
  return requests;
}

export function json(body: unknown, status = 200): Response {
  return new Response(JSON.stringify(body), { status, headers: { "Content-Type": "application/json" } });
}

export function page(items: readonly unknown[]): object {
  return { items, next_cursor: null, total: items.length };
}

export function problem(status: number, code: string, about: Partial<Problem> = {}): Response {
  const body = { type: `urn:${code}`, title: code, status, code, detail: code, hint: null, errors: [], ...about };
  return new Response(JSON.stringify(body), { status, headers: { "Content-Type": "application/problem+json" } });
}
