/** Names of machines, images and snapshots: what the server accepts, said before it has to refuse. */

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;
const LONGEST = 64;

/** What is wrong with a name; null: nothing. */
export function nameProblem(name: string): string | null {
  if (name === "") return "A name is needed.";
  if (name.length > LONGEST) return `At most ${LONGEST} characters; these are ${name.length}.`;
  if (!/^[A-Za-z0-9]/.test(name)) return "Begin with a letter or a digit.";
  if (!NAME.test(name)) return "Letters, digits, points, hyphens and underscores only.";
  return null;
}

/** A good name for what comes from this file. */
export function nameFromFile(fileName: string): string {
  return fileName
    .replace(/\.(gz|xz|zst|zstd|bz2)$/i, "")
    .replace(/\.(qcow2|raw|img|iso)$/i, "")
    .replace(/[^A-Za-z0-9._-]+/g, "-")
    .replace(/^[^A-Za-z0-9]+/, "")
    .slice(0, LONGEST);
}
