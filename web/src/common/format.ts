/** Numbers and times as people read them. */

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

export const MIB = 1024 ** 2;
export const GIB = 1024 ** 3;

/** 1536 MiB as `1.5 GiB`: at most one digit after the point, and none above 100. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const rounded = value >= 100 ? Math.round(value) : Math.round(value * 10) / 10;
  return `${rounded} ${UNITS[unit] ?? ""}`;
}

/** Bytes a second. */
export function formatRate(bytesPerSecond: number): string {
  return `${formatBytes(bytesPerSecond)}/s`;
}

/** 0.073 as `7 %`. */
export function formatPercent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

/** `1 disk`, `2 disks`. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** How long ago, or in how long: `just now`, `5 minutes ago`, `in 3 days`; a date when it is far away. */
export function formatRelative(time: string | number | Date, now: number = Date.now()): string {
  const difference = new Date(time).getTime() - now;
  const distance = Math.abs(difference);
  if (distance < 45 * SECOND) return "just now";
  const words = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
  if (distance < HOUR) return words.format(Math.round(difference / MINUTE), "minute");
  if (distance < DAY) return words.format(Math.round(difference / HOUR), "hour");
  if (distance < 30 * DAY) return words.format(Math.round(difference / DAY), "day");
  return formatDate(time);
}

/** The full time, for titles. */
export function formatTime(time: string | number | Date): string {
  return new Date(time).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "medium" });
}

/** The day only. */
export function formatDate(time: string | number | Date): string {
  return new Date(time).toLocaleDateString("en-GB", { dateStyle: "medium" });
}

/** A length of time: `0.4 s`, `12 s`, `3 min 5 s`, `2 h 10 min`. */
export function formatDuration(ms: number): string {
  if (ms < 10 * SECOND) return `${Math.round(ms / 100) / 10} s`;
  if (ms < MINUTE) return `${Math.round(ms / SECOND)} s`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min ${Math.round((ms % MINUTE) / SECOND)} s`;
  if (ms < 2 * DAY) return `${Math.floor(ms / HOUR)} h ${Math.round((ms % HOUR) / MINUTE)} min`;
  return plural(Math.round(ms / DAY), "day");
}
