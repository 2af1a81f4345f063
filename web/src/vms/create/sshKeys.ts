/** Public SSH keys, one a line. */

const TYPE = /^(ssh-(rsa|ed25519|dss)|ecdsa-sha2-nistp\d+|sk-(ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com)$/;
const DATA = /^[A-Za-z0-9+/]{20,}={0,3}$/;
const MOST = 32;

/** The keys of a text. */
export function keysOf(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));
}

/** What is wrong with a text of keys; null: nothing. */
export function keysProblem(text: string): string | null {
  if (text.includes("PRIVATE KEY")) {
    return "This is a private key, which should never leave its computer. Paste the file that ends in .pub.";
  }
  const keys = keysOf(text);
  if (keys.length > MOST) return `At most ${MOST} keys; these are ${keys.length}.`;
  const wrong = keys.findIndex((key) => !isKey(key));
  if (wrong < 0) return null;
  const which = keys.length === 1 ? "This" : `Key ${wrong + 1}`;
  return `${which} is not a public SSH key. It looks like “ssh-ed25519 AAAA… name”, on one line.`;
}

function isKey(line: string): boolean {
  const words = line.split(/\s+/);
  return words.some((word, index) => TYPE.test(word) && DATA.test(words[index + 1] ?? ""));
}
