/** Ties the event stream to the page: facts to the caches, samples to their histories, its state to an indicator. */

import type { QueryClient } from "@tanstack/react-query";
import { useSyncExternalStore } from "react";

import { signedOut } from "../api/client";
import type { Fact, SamplesOfHost, TaskProgress } from "../api/types";
import { FactFeed } from "./facts";
import { samples } from "./samples";
import { joinStream } from "./sharing";
import type { ServerEvent } from "./sse";

const NOT_RUNNING = new Set(["stopped", "saved", "crashed"]);

export type FactListener = (fact: Fact) => void;

let connected: boolean | null = null; // null: not yet known
const stateListeners = new Set<() => void>();
const factListeners = new Set<FactListener>();

/** Keep the caches of this client true for as long as somebody is signed in; the answer stops it. */
export function startLive(client: QueryClient): () => void {
  const feed = new FactFeed(client);
  const leave = joinStream({
    onEvent: (event) => dispatch(event, feed),
    onState: (now) => setConnected(now),
    onSignedOut: signedOut,
  });
  return () => {
    leave();
    feed.close();
    setConnected(null);
  };
}

/** Hear each fact, after the caches know it. */
export function onFact(listener: FactListener): () => void {
  factListeners.add(listener);
  return () => factListeners.delete(listener);
}

/** Whether changes arrive; null while that is not known yet. */
export function useConnected(): boolean | null {
  return useSyncExternalStore(
    (listener) => {
      stateListeners.add(listener);
      return () => stateListeners.delete(listener);
    },
    () => connected,
  );
}

function dispatch(event: ServerEvent, feed: FactFeed): void {
  switch (event.event) {
    case "fact":
      acceptFact(JSON.parse(event.data) as Fact, feed);
      break;
    case "samples":
      samples.accept(JSON.parse(event.data) as SamplesOfHost);
      break;
    case "progress":
      feed.progress(JSON.parse(event.data) as TaskProgress);
      break;
    case "hello":
    case "reset":
      feed.reset();
      break;
  }
}

function acceptFact(fact: Fact, feed: FactFeed): void {
  const state = fact.data?.state;
  if (fact.kind === "vm.changed" && typeof state === "string" && NOT_RUNNING.has(state)) {
    samples.forget(fact.object.id);
  }
  feed.accept(fact);
  for (const listener of factListeners) listener(fact);
}

function setConnected(now: boolean | null): void {
  connected = now;
  for (const listener of stateListeners) listener();
}
