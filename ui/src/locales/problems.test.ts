import { readdirSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";
import texts from "./en/problem.json";

// Where problems get their codes: files that say who tries again. The tests at their ends name codes too.
const FOLDERS = ["crates/engine/src", "src"];
const MARK = "Retry::";
const CODE = /(?:=> \(|\bproblem\()\s*"([a-z-]+)"|const [A-Z_]+: &str = "([a-z]+-[a-z-]+)"/gu;
/** They stand in for an error that brings its own problem along. */
const NEVER_SHOWN = ["fetch", "told"];

it("says something for every problem the program has", () => {
  const root = new URL("../../../src-tauri/", import.meta.url);
  const sources = FOLDERS.flatMap((folder) => readdirSync(new URL(folder, root), { recursive: true, encoding: "utf8" }).map((file) => `${folder}/${file}`));
  const codes = sources.filter((source) => source.endsWith(".rs")).flatMap((source) => {
    const [code = ""] = readFileSync(new URL(source, root), "utf8").split("#[cfg(test)]\nmod ");
    if (!code.includes(MARK)) return [];
    return [...code.matchAll(CODE)].map((match) => match[1] ?? match[2] ?? "");
  });
  expect(codes.length).toBeGreaterThan(40);
  expect([...new Set(codes)].filter((code) => !(code in texts) && !NEVER_SHOWN.includes(code)).sort()).toEqual([]);
});
