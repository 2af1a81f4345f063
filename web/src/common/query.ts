/** How the page keeps what it loaded: for ever, because the event stream keeps it true. */

import { QueryClient } from "@tanstack/react-query";

import { ApiError } from "../api/problem";

const TRIES = 3;

/** Worth another try: nobody answered, or the server was not itself. */
function isPassing(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 0 || error.status >= 502);
}

export function makeQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: Number.POSITIVE_INFINITY,
        refetchOnWindowFocus: false,
        refetchOnReconnect: false,
        networkMode: "always", // “offline” says nothing about a cloud on this machine
        retry: (count, error) => count < TRIES && isPassing(error),
      },
      mutations: { networkMode: "always", retry: false },
    },
  });
}
