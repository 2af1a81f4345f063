/** Short messages in the corner. */

import { useSyncExternalStore } from "react";

import { describe } from "../api/problem";

export interface Toast {
  key: number;
  variant: "success" | "danger" | "info" | "warning";
  title: string;
  text?: string | null;
  link?: { to: string; label: string } | null;
}

let toasts: readonly Toast[] = [];
let lastKey = 0;
const listeners = new Set<() => void>();

/** Show a message. Errors stay until they are closed; the rest goes by itself. */
export function addToast(toast: Omit<Toast, "key">): void {
  lastKey += 1;
  set([...toasts, { ...toast, key: lastKey }]);
}

/** Show what went wrong. */
export function addErrorToast(title: string, error: unknown): void {
  const { message, hint } = describe(error);
  addToast({ variant: "danger", title, text: [message, hint].filter(Boolean).join(". ") });
}

export function removeToast(key: number): void {
  set(toasts.filter((toast) => toast.key !== key));
}

export function useToasts(): readonly Toast[] {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => toasts,
  );
}

function set(next: readonly Toast[]): void {
  toasts = next;
  for (const listener of listeners) listener();
}
