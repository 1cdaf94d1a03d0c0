// Holds the page to its weight, gzip: what the first page needs (the document, its scripts and styles, the heavier of
// the two languages, what these import before they can run, and the worker that holds the stream) may not exceed FIRST
// KiB; and all that is built, pages that come when they are asked for included, not IN_ALL.
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { gzipSync } from "node:zlib";

const FIRST = 130;
const IN_ALL = 240;
const dist = process.argv[2] ?? join(import.meta.dirname, "../dist");
const files = new Map();
for (const e of readdirSync(dist, { withFileTypes: true, recursive: true })) {
  if (e.isFile()) files.set(e.name, readFileSync(join(e.parentPath, e.name)));
}
const size = (name) => gzipSync(files.get(name), { level: 9 }).length;

/** What must be there before `name` runs: the document's scripts and styles, a script's imports at its head and its workers. */
function needs(name, seen = new Set()) {
  if (seen.has(name) || !files.has(name)) return seen;
  seen.add(name);
  const text = files.get(name).toString();
  const found = name.endsWith(".html") ? text.matchAll(/(?:src|href)="([^"]+)"/g) : text.matchAll(/(?:(?:from|import)\s*|Worker\(new URL\()["`]([^"`]+\.js)["`]/g);
  for (const [, path] of found) needs(basename(path), seen);
  return seen;
}

const languages = [...files.keys()].filter((n) => /^(en|zh-CN)-/.test(n)).sort((a, b) => size(b) - size(a));
const first = needs("index.html");
for (const n of needs(languages[0] ?? "")) first.add(n);
let [begin, total] = [0, 0];
for (const name of [...files.keys()].sort()) {
  total += size(name);
  if (first.has(name)) begin += size(name);
  console.log(`${(size(name) / 1024).toFixed(1).padStart(7)} KiB  ${first.has(name) ? "*" : " "} ${name}`);
}
console.log(`${(begin / 1024).toFixed(1).padStart(7)} KiB  * before the first page, ${FIRST} allowed`);
console.log(`${(total / 1024).toFixed(1).padStart(7)} KiB    in all, ${IN_ALL} allowed`);
if (total === 0 || begin > FIRST * 1024 || total > IN_ALL * 1024) {
  console.error(total === 0 ? "nothing built: run npm run build first" : "too heavy");
  process.exit(1);
}
