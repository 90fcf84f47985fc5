// Fails the build when the window's JavaScript outgrows its budget.
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

/** All JavaScript of the window, every language included, gzipped (bytes): first paint stays under 0.8 s. */
const BUDGET = 120 * 1024;

const dist = new URL("../dist", import.meta.url).pathname;

function* scripts(folder) {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) yield* scripts(path);
    else if (name.endsWith(".js")) yield path;
  }
}

let total = 0;
for (const path of scripts(dist)) {
  const bytes = gzipSync(readFileSync(path), { level: 9 }).length;
  total += bytes;
  console.log(`${(bytes / 1024).toFixed(1).padStart(7)} KB  ${path.slice(dist.length + 1)}`);
}
console.log(`${(total / 1024).toFixed(1).padStart(7)} KB  JavaScript in all, gzipped; ${BUDGET / 1024} KB are allowed`);
if (total > BUDGET) process.exit(1);
