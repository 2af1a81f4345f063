/** Turns text into the keys that a person would press on a US keyboard, which is what a guest's VNC server expects. */

export interface Key {
  keysym: number;
  code: string | null;
  shift: boolean;
}

const SHIFTED = "~!@#$%^&*()_+{}|:\"<>?";
const CONTROLS: Readonly<Record<string, [number, string]>> = {
  "\n": [0xff0d, "Enter"],
  "\t": [0xff09, "Tab"],
};
const SHIFT = { keysym: 0xffe1, code: "ShiftLeft" };
const PAUSE_MS = 25; // a guest's keyboard keeps 16 events only

export type SendKey = (keysym: number, code: string | null, down: boolean) => void;

/** The keys of a text, and the characters that no US keyboard has. */
export function keysFor(text: string): { keys: Key[]; unknown: string[] } {
  const keys: Key[] = [];
  const unknown = new Set<string>();
  for (const character of text.replaceAll("\r\n", "\n")) {
    const key = keyFor(character);
    if (key) keys.push(key);
    else unknown.add(character);
  }
  return { keys, unknown: [...unknown] };
}

function keyFor(character: string): Key | null {
  const control = CONTROLS[character];
  if (control) return { keysym: control[0], code: control[1], shift: false };
  const point = character.codePointAt(0) ?? 0;
  if (point < 0x20 || point > 0x7e) return null;
  return { keysym: point, code: null, shift: /[A-Z]/.test(character) || SHIFTED.includes(character) };
}

/** Press them one after the other, slowly enough for the guest. */
export async function typeKeys(keys: readonly Key[], send: SendKey, signal: AbortSignal): Promise<void> {
  for (const { keysym, code, shift } of keys) {
    if (signal.aborted) return;
    if (shift) send(SHIFT.keysym, SHIFT.code, true);
    send(keysym, code, true);
    send(keysym, code, false);
    if (shift) send(SHIFT.keysym, SHIFT.code, false);
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

/** Press all of these together, and let them go in the other order. */
export function pressTogether(keys: readonly { keysym: number; code: string }[], send: SendKey): void {
  for (const { keysym, code } of keys) send(keysym, code, true);
  for (const { keysym, code } of [...keys].reverse()) send(keysym, code, false);
}

const CTRL = { keysym: 0xffe3, code: "ControlLeft" };
const ALT = { keysym: 0xffe9, code: "AltLeft" };

/** Combinations that a browser or its system would keep for itself. */
export const COMBINATIONS: readonly [string, readonly { keysym: number; code: string }[]][] = [
  ...Array.from({ length: 7 }, (_, index): [string, readonly { keysym: number; code: string }[]] => [
    `Ctrl+Alt+F${index + 1}`,
    [CTRL, ALT, { keysym: 0xffbe + index, code: `F${index + 1}` }],
  ]),
  ["Ctrl+Alt+Backspace", [CTRL, ALT, { keysym: 0xff08, code: "Backspace" }]],
  ["Alt+Tab", [ALT, { keysym: 0xff09, code: "Tab" }]],
  ["Print screen", [{ keysym: 0xff61, code: "PrintScreen" }]],
];
