/** What changed between two texts, line by line (Myers' algorithm: the shortest way from one to the other). */

export interface DiffLine {
  kind: "same" | "added" | "removed";
  text: string;
  before: number | null; // line numbers from 1
  after: number | null;
}

/** All lines of both texts, in order. */
export function diffLines(before: string, after: string): DiffLine[] {
  const a = before.split("\n");
  const b = after.split("\n");
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head += 1;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a.at(-1 - tail) === b.at(-1 - tail)) tail += 1;

  const script: DiffLine["kind"][] = [
    ...same(head),
    ...shortest(a.slice(head, a.length - tail), b.slice(head, b.length - tail)),
    ...same(tail),
  ];
  let x = 0;
  let y = 0;
  return script.map((kind) => {
    const text = (kind === "added" ? b[y] : a[x]) ?? "";
    if (kind !== "added") x += 1;
    if (kind !== "removed") y += 1;
    return { kind, text, before: kind === "added" ? null : x, after: kind === "removed" ? null : y };
  });
}

/** Changes with some lines around them; null stands for what was left out. */
export function withContext(lines: readonly DiffLine[], context = 3): (DiffLine | null)[] {
  const near = lines.map((_line, index) =>
    lines.slice(Math.max(0, index - context), index + context + 1).some((other) => other.kind !== "same"),
  );
  const shown: (DiffLine | null)[] = [];
  lines.forEach((line, index) => {
    if (near[index]) shown.push(line);
    else if (shown.at(-1) !== null) shown.push(null);
  });
  return shown;
}

function same(count: number): DiffLine["kind"][] {
  return Array.from({ length: count }, () => "same" as const);
}

/** Walk the edit graph by growing numbers of edits, remember the frontier of each, and trace the way back. */
function shortest(a: readonly string[], b: readonly string[]): DiffLine["kind"][] {
  let frontier = new Map<number, number>([[1, 0]]); // furthest x on diagonal x - y
  const history: Map<number, number>[] = [];
  for (let edits = 0; edits <= a.length + b.length; edits += 1) {
    history.push(new Map(frontier));
    frontier = new Map(frontier);
    for (let diagonal = -edits; diagonal <= edits; diagonal += 2) {
      let x = startOn(history[edits] ?? frontier, diagonal, edits);
      while (x < a.length && x - diagonal < b.length && a[x] === b[x - diagonal]) x += 1;
      frontier.set(diagonal, x);
      if (x >= a.length && x - diagonal >= b.length) return trace(history, a.length, b.length);
    }
  }
  return [];
}

function comesFromAbove(frontier: ReadonlyMap<number, number>, diagonal: number, edits: number): boolean {
  if (diagonal === -edits) return true;
  return diagonal !== edits && (frontier.get(diagonal - 1) ?? -1) < (frontier.get(diagonal + 1) ?? -1);
}

function startOn(frontier: ReadonlyMap<number, number>, diagonal: number, edits: number): number {
  return comesFromAbove(frontier, diagonal, edits)
    ? (frontier.get(diagonal + 1) ?? 0)
    : (frontier.get(diagonal - 1) ?? 0) + 1;
}

function trace(history: readonly ReadonlyMap<number, number>[], endX: number, endY: number): DiffLine["kind"][] {
  const backwards: DiffLine["kind"][] = [];
  let x = endX;
  let y = endY;
  for (let edits = history.length - 1; edits >= 0; edits -= 1) {
    const frontier = history[edits];
    if (!frontier) break;
    const added = comesFromAbove(frontier, x - y, edits);
    const startX = startOn(frontier, x - y, edits);
    const startY = startX - (x - y);
    for (; x > startX && y > startY; x -= 1, y -= 1) backwards.push("same");
    if (edits === 0) break;
    backwards.push(added ? "added" : "removed");
    if (added) y = startY - 1;
    else x = startX - 1;
  }
  return backwards.reverse();
}
