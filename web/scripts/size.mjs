// Measures what a browser loads before it can show the first page, packed with gzip, and fails above the limit.
// Counted: index.html, its scripts and styles, and the modules that those import at once. The consoles come later.
import { readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { gzipSync } from "node:zlib";

const LIMIT = 400 * 1000; // bytes
const dist = new URL("../dist/", import.meta.url).pathname;
const html = readFileSync(join(dist, "index.html"), "utf8");

const wanted = ["index.html"];
for (const [, path] of html.matchAll(/(?:src|href)="\/([^"]+\.(?:js|css))"/g)) wanted.push(path);

const sizes = new Map();
for (const path of wanted) {
  if (sizes.has(path)) continue;
  const content = readFileSync(join(dist, path));
  sizes.set(path, gzipSync(content, { level: 9 }).length);
  if (!path.endsWith(".js")) continue;
  for (const [, other] of content.toString().matchAll(/(?:import|from)\s*["'](\.{1,2}\/[^"']+\.js)["']/g)) {
    wanted.push(normalize(join(dirname(path), other)));
  }
}

const total = [...sizes.values()].reduce((sum, size) => sum + size, 0);
for (const [path, size] of [...sizes].sort((a, b) => b[1] - a[1])) {
  console.log(`${(size / 1000).toFixed(1).padStart(7)} kB  ${path}`);
}
console.log(`${(total / 1000).toFixed(1).padStart(7)} kB  first load; the limit is ${LIMIT / 1000} kB`);
if (total > LIMIT) process.exit(1);
