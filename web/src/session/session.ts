/** Who is signed in. The page stays where it is when a session ends, and goes on after signing in again. */

import { useMutation, useQuery, useQueryClient, type QueryClient } from "@tanstack/react-query";
import { useSyncExternalStore } from "react";

import { answer, api, setCsrfToken } from "../api/client";
import { ApiError } from "../api/problem";
import type { Session } from "../api/types";
import { tellSignedOut } from "../live/sharing";

const KEY = ["session"];

let expired = false;
const listeners = new Set<() => void>();

function setExpired(now: boolean): void {
  expired = now;
  for (const listener of listeners) listener();
}

/** Whether somebody was signed in here and is no longer. */
export function useExpired(): boolean {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => expired,
  );
}

/** The session ended behind the page's back. */
export function expireSession(client: QueryClient): void {
  if (client.getQueryData(KEY)) setExpired(true);
}

/** The session; null: nobody is signed in. */
export function useSession(): { session: Session | null; isPending: boolean; error: unknown; retry: () => void } {
  const query = useQuery({ queryKey: KEY, queryFn: loadSession });
  return {
    session: query.data ?? null,
    isPending: query.isPending,
    error: query.error,
    retry: () => void query.refetch(),
  };
}

/** The person who is signed in. */
export function useMe(): Session["user"] {
  const client = useQueryClient();
  const session = client.getQueryData<Session>(KEY);
  if (!session) throw new Error("nobody is signed in here");
  return session.user;
}

export function useSignIn(): ReturnType<typeof useMutation<Session, Error, { user: string; password: string }>> {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: { user: string; password: string }) => answer(api.POST("/api/v1/sessions", { body })),
    onSuccess: (session) => {
      const before = client.getQueryData<Session>(KEY);
      if (before && before.user.name !== session.user.name) {
        location.reload(); // what is loaded belongs to somebody else
        return;
      }
      setCsrfToken(session.csrf_token);
      client.setQueryData(KEY, session);
      setExpired(false);
      void client.invalidateQueries({ predicate: (query) => query.queryKey[0] !== KEY[0] });
    },
  });
}

/** End the session here and in the other tabs. */
export async function signOut(client: QueryClient): Promise<void> {
  await api.DELETE("/api/v1/sessions/current");
  tellSignedOut();
  setCsrfToken(null);
  client.setQueryData(KEY, null); // first, so that nothing is asked for anew by a page that is still shown
  client.removeQueries({ predicate: (query) => query.queryKey[0] !== KEY[0] });
}

async function loadSession(): Promise<Session | null> {
  try {
    const session = await answer(api.GET("/api/v1/sessions/current"));
    setCsrfToken(session.csrf_token);
    return session;
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) return null;
    throw error;
  }
}
