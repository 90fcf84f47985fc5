// Fails the build when the window's JavaScript outgrows its budgets.
import { readdirSync, readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

/** What a window needs before it shows its list, in the language that takes most, gzipped (bytes): first paint stays under 0.8 s. */
const FIRST = 100 * 1024;
/** All JavaScript of the window, every screen and language included, gzipped (bytes). */
const ALL = 155 * 1024;

const LANGUAGE = /^(de|es|zh)-/;
const assets = new URL("../dist/assets/", import.meta.url);

const sizes = new Map(
  readdirSync(assets)
    .filter((name) => name.endsWith(".js"))
    .map((name) => [name, gzipSync(readFileSync(new URL(name, assets)), { level: 9 }).length]),
);
const code = (name) => readFileSync(new URL(name, assets), "utf8");

/** With what it can't run without. */
function needed(name, all = new Set()) {
  if (all.has(name)) return all;
  all.add(name);
  for (const [, other] of code(name).matchAll(/(?:from|import)\s*["']\.\/([^"']+\.js)["']/g)) needed(other, all);
  return all;
}

const page = readFileSync(new URL("../index.html", assets), "utf8");
const first = new Set([...page.matchAll(/assets\/([^"']+\.js)/g)].flatMap(([, name]) => [...needed(name)]));
for (const name of sizes.keys()) if (name.startsWith("tauri-")) first.add(name);

const kb = (bytes) => `${(bytes / 1024).toFixed(1).padStart(7)} KB`;
const sum = (names) => [...names].reduce((total, name) => total + sizes.get(name), 0);
const languages = [...sizes.keys()].filter((name) => LANGUAGE.test(name));

for (const [name, bytes] of sizes) console.log(`${kb(bytes)}  ${name}${first.has(name) ? " (at once)" : ""}`);
let isOver = false;
for (const [what, bytes, limit] of [
  ["before the list shows, in the longest language", sum(first) + Math.max(0, ...languages.map((name) => sizes.get(name))), FIRST],
  ["in all", sum(sizes.keys()), ALL],
]) {
  isOver ||= bytes > limit;
  console.log(`${kb(bytes)}  JavaScript ${what}, gzipped; ${limit / 1024} KB are allowed`);
}
if (isOver) process.exit(1);
