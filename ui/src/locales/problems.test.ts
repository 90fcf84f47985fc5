import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import texts from "./en/problem.json";

// Where problems get their codes. The tests at these files' ends name codes too.
const SOURCES = ["crates/engine/src/error.rs", "crates/engine/src/fetch/error.rs", "crates/engine/src/work.rs", "src/api/problem.rs", "src/cli/problem.rs"];
const CODE = /(?:=> \(|\bproblem\()\s*"([a-z-]+)"|const [A-Z_]+: &str = "([a-z]+-[a-z-]+)"/gu;
/** They stand in for an error that brings its own problem along. */
const NEVER_SHOWN = ["fetch", "told"];

it("says something for every problem the program has", () => {
  const root = new URL("../../../src-tauri/", import.meta.url);
  const codes = SOURCES.flatMap((source) => {
    const [code = ""] = readFileSync(new URL(source, root), "utf8").split("#[cfg(test)]\nmod ");
    return [...code.matchAll(CODE)].map((match) => match[1] ?? match[2] ?? "");
  });
  expect(codes.length).toBeGreaterThan(40);
  expect([...new Set(codes)].filter((code) => !(code in texts) && !NEVER_SHOWN.includes(code)).sort()).toEqual([]);
});
