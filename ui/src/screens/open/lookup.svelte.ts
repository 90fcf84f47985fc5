// What is known about a link so far: who has it, what is in it. Asks on as long as the sheet is open.
import { asProblem, call } from "../../api/client";
import type { InspectView, Problem } from "../../api/types";
import { join, type Choice, type Listing, Selection } from "./selection";

/** How long the engine may wait for news (ms). */
const WAIT_MS = 10_000;
/** Before asking again after a failure that may pass (ms). */
const AGAIN_MS = 2_000;

export interface EntryRow {
  path: string;
  name: string;
  kind: "file" | "folder" | "symlink" | "other";
  size: number | null;
  depth: number;
  place: number;
  of: number;
  open: boolean | null;
  choice: Choice;
  /** Not an entry: more is in the folder than is listed, or it is still being read. */
  note: "more" | "reading" | null;
}

export class Lookup {
  view = $state.raw<InspectView | null>(null);
  problem = $state.raw<Problem | null>(null);
  /** Unix ms when this link was first asked about, for a clock that runs between answers. */
  since = $state(Date.now());
  #link = $state("");
  #into = $state<string | null>(null);
  #revision = $state(0);
  #opened = new Set<string>();
  #listings = new Map<string, Listing>();
  #selection = new Selection(this.#listings);
  /** Which question this is: answers to an earlier one are of no interest. */
  #turn = 0;

  readonly rows: readonly EntryRow[] = $derived.by(() => {
    void this.#revision;
    const view = this.view;
    if (view?.kind !== "folder") return [];
    const rows: EntryRow[] = [];
    const top = { path: "", name: view.name, kind: "folder", size: view.total, depth: 0, place: 1, of: 1, note: null } as const;
    rows.push({ ...top, open: null, choice: this.#selection.of("") });
    this.#list("", 1, rows);
    return rows;
  });

  /** Bytes that are chosen; null while nobody can say. */
  readonly chosen: number | null = $derived.by(() => {
    void this.#revision;
    const total = this.view?.total ?? null;
    return total === null ? null : this.#selection.bytes(total);
  });

  readonly choice: Choice = $derived.by(() => {
    void this.#revision;
    return this.#selection.of("");
  });

  get link(): string {
    return this.#link;
  }

  get into(): string | null {
    return this.#into ?? this.view?.into ?? null;
  }

  /** What the download is asked for. */
  get wanted(): { link: string; into: string | null; select: string[]; providers: string[] } {
    return { link: this.#link, into: this.#into, select: this.#selection.paths(), providers: [] };
  }

  /** Looks for this link from now on; null: for none. */
  look(link: string | null): void {
    const wanted = link ?? "";
    if (wanted === this.#link) return;
    this.#turn += 1;
    this.#link = wanted;
    this.view = null;
    this.problem = null;
    this.#opened.clear();
    this.#listings.clear();
    this.#selection = new Selection(this.#listings);
    this.#revision += 1;
    this.since = Date.now();
    if (link !== null) void this.#poll(this.#turn);
  }

  moveTo(into: string): void {
    this.#into = into;
    if (this.#link === "") return;
    this.#turn += 1;
    void this.#poll(this.#turn);
  }

  choose(path: string, chosen: boolean): void {
    this.#selection.set(path, chosen);
    this.#revision += 1;
  }

  async toggle(path: string): Promise<void> {
    if (this.#opened.delete(path)) {
      this.#revision += 1;
      return;
    }
    this.#opened.add(path);
    this.#revision += 1;
    // Asked for beside the long question, whose answer comes with the news of it; the next one is about this folder then.
    const turn = this.#turn;
    try {
      const view = await this.#ask(path, 0);
      if (turn === this.#turn) this.#see(path, view);
    } catch (error) {
      if (turn === this.#turn) this.#refuse(path, error);
    }
  }

  stop(): void {
    this.#turn += 1;
    this.#opened.clear();
  }

  /** One question at a time, about one folder: the engine answers at once when the folder is another than before. */
  async #poll(turn: number): Promise<void> {
    let rev = 0;
    while (turn === this.#turn) {
      const dir = [...this.#opened].findLast((path) => !this.#listings.has(path)) ?? "";
      try {
        const view = await this.#ask(dir, rev);
        if (turn !== this.#turn) return;
        // The first revision may be 0 too; what has been seen once is waited on.
        rev = Math.max(1, view.rev);
        this.#see(dir, view);
        if (dir === "") this.problem = null;
      } catch (error) {
        if (turn !== this.#turn) return;
        this.#refuse(dir, error);
        if (dir !== "") continue;
        if (this.problem?.retry === "never" || this.problem?.field === "link") return;
        await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
      }
    }
  }

  #ask(dir: string, since: number): Promise<InspectView> {
    // The first answer comes at once: where it goes, how much room there is, whether it is in the library.
    return call("inspect-link", { link: this.#link, dir, wait_ms: since === 0 ? 0 : WAIT_MS, since, into: this.#into });
  }

  #see(dir: string, view: InspectView): void {
    if (this.view === null) this.since = Date.now() - view.seconds * 1000;
    this.view = view;
    if (view.entries !== null) this.#take(dir, { entries: view.entries, truncated: view.truncated });
  }

  #refuse(dir: string, error: unknown): void {
    this.problem = asProblem(error);
    if (dir !== "" && this.#opened.delete(dir)) this.#revision += 1;
  }

  #take(dir: string, listing: Listing): void {
    const before = this.#listings.get(dir);
    if (before?.entries.length === listing.entries.length && before.truncated === listing.truncated) return;
    this.#listings.set(dir, listing);
    this.#revision += 1;
  }

  #list(dir: string, depth: number, into: EntryRow[]): void {
    const listing = this.#listings.get(dir);
    const note = { name: "", kind: "file", size: null, depth, open: null, choice: "none" } as const;
    if (listing === undefined) {
      into.push({ ...note, path: join(dir, "\0reading"), place: 1, of: 1, note: "reading" });
      return;
    }
    const of = listing.entries.length + (listing.truncated ? 1 : 0);
    listing.entries.forEach((entry, at) => {
      const path = join(dir, entry.name);
      const open = entry.kind === "folder" ? this.#opened.has(path) : null;
      into.push({ ...entry, path, depth, place: at + 1, of, open, choice: this.#selection.of(path), note: null });
      if (open === true) this.#list(path, depth + 1, into);
    });
    if (listing.truncated) into.push({ ...note, path: join(dir, "\0more"), place: of, of, note: "more" });
  }
}
