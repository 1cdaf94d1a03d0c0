// Holds the page to its weight: everything built, gzip, may not exceed LIMIT KiB. (What the first page needs is less:
// charts and the second language come on demand, but "in all" is the promise.)
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const LIMIT = 130;
const dist = process.argv[2] ?? join(import.meta.dirname, "../dist");
let total = 0;
for (const e of readdirSync(dist, { withFileTypes: true, recursive: true })) {
  if (!e.isFile()) continue;
  const size = gzipSync(readFileSync(join(e.parentPath, e.name)), { level: 9 }).length;
  total += size;
  console.log(`${(size / 1024).toFixed(1).padStart(7)} KiB  ${e.name}`);
}
console.log(`${(total / 1024).toFixed(1).padStart(7)} KiB  in all, ${LIMIT} allowed`);
if (total === 0 || total > LIMIT * 1024) {
  console.error(total === 0 ? "nothing built: run npm run build first" : "too heavy");
  process.exit(1);
}
