// Which files of a link are chosen, over a tree of which only the opened folders are known.
//
// What was said about a folder holds for everything below it until something below is said otherwise. So nothing needs to be
// known about folders that were never opened, and "all" stays "all" however many files turn up later.

import type { InspectEntry } from "../../api/types";

export type Choice = "all" | "some" | "none";
export interface Listing {
  entries: InspectEntry[];
  /** There is more in the folder than is listed. */
  truncated: boolean;
}

export const join = (dir: string, name: string): string => (dir === "" ? name : `${dir}/${name}`);
const parent = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf("/")));

export class Selection {
  /** What was said, by path; "" is the whole. */
  private readonly said = new Map<string, boolean>([["", true]]);

  constructor(private readonly listings: ReadonlyMap<string, Listing>) {}

  /** Says it about a path and everything below it. */
  set(path: string, chosen: boolean): void {
    for (const other of [...this.said.keys()]) {
      if (other !== "" && within(other, path)) this.said.delete(other);
    }
    if (path === "" || this.inherited(path) !== chosen) this.said.set(path, chosen);
    this.settle(parent(path), path === "");
  }

  of(path: string): Choice {
    const own = this.effective(path);
    for (const [other, chosen] of this.said) {
      if (other !== path && other !== "" && within(other, path) && chosen !== own) return "some";
    }
    return own ? "all" : "none";
  }

  /** Bytes that are chosen, as far as the sizes of the opened folders tell. */
  bytes(total: number): number {
    return this.sum("", total);
  }

  /** What a download asks for: nothing means everything. Only to be used when something is chosen. */
  paths(): string[] {
    if (this.of("") === "all") return [];
    const paths: string[] = [];
    this.collect("", paths);
    return paths;
  }

  private effective(path: string): boolean {
    return this.said.get(path) ?? (path === "" ? true : this.inherited(path));
  }

  private inherited(path: string): boolean {
    for (let at = parent(path); at !== ""; at = parent(at)) {
      const said = this.said.get(at);
      if (said !== undefined) return said;
    }
    return this.said.get("") ?? true;
  }

  /** A folder whose entries all say the same says so itself, and so do those above it. */
  private settle(from: string, done: boolean): void {
    for (let at = from, last = done; !last; at = parent(at)) {
      last = at === "";
      const listing = this.listings.get(at);
      if (!listing || listing.truncated || listing.entries.length === 0) return;
      const choices = new Set(listing.entries.map((entry) => this.of(join(at, entry.name))));
      if (choices.size !== 1 || choices.has("some")) return;
      for (const entry of listing.entries) this.said.delete(join(at, entry.name));
      const chosen = choices.has("all");
      if (at === "" || this.inherited(at) !== chosen) this.said.set(at, chosen);
      else this.said.delete(at);
    }
  }

  private sum(path: string, size: number): number {
    const choice = this.of(path);
    if (choice !== "some") return choice === "all" ? size : 0;
    const entries = this.listings.get(path)?.entries ?? [];
    return entries.reduce((sum, entry) => sum + this.sum(join(path, entry.name), entry.size), 0);
  }

  private collect(path: string, into: string[]): void {
    const choice = this.of(path);
    if (choice === "all") into.push(path);
    if (choice !== "some") return;
    for (const entry of this.listings.get(path)?.entries ?? []) this.collect(join(path, entry.name), into);
  }
}

const within = (path: string, dir: string): boolean => dir === "" || path === dir || path.startsWith(`${dir}/`);
