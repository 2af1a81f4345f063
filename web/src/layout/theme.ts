/** Light, dark, or as the system is. The first paint is decided by /theme.js, which reads the same key. */

import { useSyncExternalStore } from "react";

export type Theme = "system" | "light" | "dark";

const KEY = "skerry-theme";
const DARK_CLASS = "pf-v6-theme-dark";
const systemDark = matchMedia("(prefers-color-scheme: dark)");
const listeners = new Set<() => void>();

function chosen(): Theme {
  const value = localStorage.getItem(KEY);
  return value === "light" || value === "dark" ? value : "system";
}

function isDark(): boolean {
  const theme = chosen();
  return theme === "dark" || (theme === "system" && systemDark.matches);
}

function apply(): void {
  document.documentElement.classList.toggle(DARK_CLASS, isDark());
  for (const listener of listeners) listener();
}

/** Follow the system, and what other tabs choose. */
export function followTheme(): void {
  systemDark.addEventListener("change", apply);
  globalThis.addEventListener("storage", (event) => {
    if (event.key === KEY) apply();
  });
}

export function setTheme(theme: Theme): void {
  if (theme === "system") localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, theme);
  apply();
}

export function useTheme(): Theme {
  return useSyncExternalStore(subscribe, chosen);
}

export function useIsDark(): boolean {
  return useSyncExternalStore(subscribe, isDark);
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
