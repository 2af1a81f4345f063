/** The way to the REST API: typed by its OpenAPI document, with one place for headers and errors. */

import createClient, { type Middleware } from "openapi-fetch";

import { ApiError, problemOf, unreachable } from "./problem";
import type { paths } from "./schema";

type Listener = () => void;

let csrfToken: string | null = null;
let onSignedOut: Listener = () => undefined;

/** Send this with everything that changes something. */
export function setCsrfToken(token: string | null): void {
  csrfToken = token;
}

/** Call this when the server no longer knows who we are. */
export function whenSignedOut(listener: Listener): void {
  onSignedOut = listener;
}

/** Tell the page that its session is over. */
export function signedOut(): void {
  onSignedOut();
}

/** The headers that the server wants to see with a request of this method. */
export function headersFor(method: string): Record<string, string> {
  const headers: Record<string, string> = {};
  if (csrfToken && method !== "GET") headers["X-CSRF-Token"] = csrfToken;
  if (method === "POST") headers["Idempotency-Key"] = crypto.randomUUID();
  return headers;
}

const manners: Middleware = {
  onRequest({ request }) {
    for (const [name, value] of Object.entries(headersFor(request.method))) request.headers.set(name, value);
    return request;
  },
  async onResponse({ request, response }) {
    if (response.ok) return;
    const error = await problemOf(response);
    if (response.status === 401 && !new URL(request.url).pathname.includes("/sessions")) onSignedOut();
    throw error;
  },
  onError: ({ error }) => (isAbort(error) ? undefined : unreachable()),
};

/** The typed client; paths are those of the OpenAPI document. */
export const api = createClient<paths>({
  baseUrl: location.origin,
  fetch: (request) => globalThis.fetch(request), // looked up late, for tests
});
api.use(manners);

/** The body of a good answer. A bad one has thrown an ApiError before. */
export async function answer<T>(call: Promise<{ data?: T; response: Response }>): Promise<NonNullable<T>> {
  const { data, response } = await call;
  if (data === undefined || data === null) {
    throw new ApiError("The server's answer is empty", "empty-answer", response.status);
  }
  return data;
}

/** Wait for an answer that has no body. */
export async function done(call: Promise<unknown>): Promise<void> {
  await call;
}

function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}
