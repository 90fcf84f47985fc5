// What goes into the packages beside the program, into gen/package: manual pages, completions, and the licences of every
// library that is linked in. Tauri runs it between building and bundling.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const out = join(root, "gen/package");
const profile = process.env.TAURI_ENV_DEBUG === "true" ? "debug" : "release";

/** A licence in a package: its own files, whatever their spelling. */
const NOTICE = /^(licen[cs]e|copying|copyright|notice|unlicense)/i;

const metadata = JSON.parse(
  execFileSync("cargo", ["metadata", "--format-version=1", "--locked", "--filter-platform", host()], {
    cwd: root,
    maxBuffer: 1 << 30,
  }),
);
const program = join(metadata.target_directory, profile, "shoal");

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
gzip("shoal.1.gz", shoal("man"));
write("shoal.bash", shoal("completions", "bash"));
write("_shoal", shoal("completions", "zsh"));
write("shoal.fish", shoal("completions", "fish"));
gzip("third-party-licenses.gz", licenses([...crates(), ...modules()]));

function host() {
  return /^host: (.*)$/m.exec(execFileSync("rustc", ["-vV"], { encoding: "utf8" }))[1];
}

function shoal(...words) {
  return execFileSync(program, words);
}

function write(name, content) {
  writeFileSync(join(out, name), content);
}

function gzip(name, content) {
  write(name, gzipSync(content, { level: 9 }));
}

/** Every crate that is linked into the program. */
function* crates() {
  const packages = new Map(metadata.packages.map((it) => [it.id, it]));
  const nodes = new Map(metadata.resolve.nodes.map((node) => [node.id, node]));
  const seen = new Set();
  const open = [metadata.resolve.root];
  while (open.length > 0) {
    const id = open.pop();
    if (seen.has(id)) continue;
    seen.add(id);
    for (const { pkg, dep_kinds } of nodes.get(id).deps) {
      if (dep_kinds.some(({ kind }) => kind === null)) open.push(pkg);
    }
    const { name, version, license, source, manifest_path } = packages.get(id);
    if (source !== null) yield { name, version, license, folder: dirname(manifest_path) };
  }
}

/** Every npm package whose code goes into the pages. */
function* modules() {
  const ui = join(root, "ui");
  const bundled = new Set(["svelte"]);
  const open = Object.keys(JSON.parse(readFileSync(join(ui, "package.json"))).dependencies ?? {});
  for (const name of open) bundled.add(name);
  for (const name of bundled) {
    const folder = join(ui, "node_modules", name);
    if (!existsSync(folder)) continue;
    const { version, license, dependencies } = JSON.parse(readFileSync(join(folder, "package.json")));
    if (name !== "svelte") for (const needed of Object.keys(dependencies ?? {})) bundled.add(needed);
    yield { name, version, license, folder };
  }
}

/** Each text once, with all that it is for. */
function licenses(parts) {
  const texts = new Map();
  for (const { name, version, license, folder } of parts) {
    const title = `${name} ${version} (${license ?? "see below"})`;
    const files = readdirSync(folder).filter((file) => NOTICE.test(file));
    const found = files.flatMap((file) => readText(join(folder, file)));
    for (const text of found.length > 0 ? found : ["Its package brings no text; that of the same licence stands elsewhere in this file."]) {
      texts.set(text, [...(texts.get(text) ?? []), title]);
    }
  }
  const rule = "-".repeat(100);
  const sections = [...texts].map(([text, titles]) => `${titles.sort().join("\n")}\n\n${text}\n`);
  return `What is linked into Shoal, and the licences of it.\n\n${sections.sort().join(`\n${rule}\n\n`)}`;
}

function readText(path) {
  try {
    return [readFileSync(path, "utf8").trim()];
  } catch (error) {
    if (error.code === "EISDIR") return [];
    throw error;
  }
}
