// The library as the window shows it. One long poll keeps it fresh; a change of what is asked for (another filter, a
// scrolled window, another item in the pane) is answered at once beside it. Nothing is asked while the window is hidden.
import { asProblem, call } from "../api/client";
import type { Filter, Focus, ItemId, ItemView, LibraryRequest, LibraryView, Notice, Problem, Sort } from "../api/types";
import { keepUnchanged } from "../lib/rows";

/** How long the engine may wait for something new (ms). */
const WAIT_MS = 25_000;
/** Before asking again an engine that did not answer (ms). */
const AGAIN_MS = 1_500;
/** One failure may be an accident; the second in a row is told. */
const FAILURES_TOLD = 2;
/** The engine's limit of rows in one answer. */
const MOST_ROWS = 500;

type Asked = Pick<LibraryRequest, "filter" | "search" | "sort" | "offset" | "limit" | "focus">;
type Globals = Omit<LibraryView, "items" | "offset" | "matching" | "focus" | "notices">;

const NOTHING: Globals = {
  rev: 0,
  counts: { all: 0, sharing: 0, downloading: 0, needs_you: 0 },
  rates: { down: 0, up: 0, history: [] },
  people: 0,
  reach: "checking",
  paused: false,
};

class Library {
  #asked = $state.raw<Asked>({ filter: "all", search: "", sort: "newest", offset: 0, limit: 50, focus: null });
  #globals = $state.raw<Globals>(NOTHING);
  #rows = $state.raw<readonly ItemView[]>([]);
  #offset = $state(0);
  #matching = $state(0);
  #focus = $state.raw<Focus | null>(null);
  #gone = $state<ItemId | null>(null);
  #loaded = $state(false);
  #lost = $state.raw<Problem | null>(null);

  #live = false;
  #polling = false;
  #refreshing = false;
  #stale = false;
  /** Up to where notices were heard. */
  #heard = 0;
  /** Which question the rows answer, and as of when. */
  #answered: Asked | null = null;
  #rowsRev = 0;
  #failures = 0;
  #onNotices: (notices: readonly Notice[]) => void = () => undefined;

  get filter(): Filter {
    return this.#asked.filter;
  }
  get search(): string {
    return this.#asked.search;
  }
  get sort(): Sort {
    return this.#asked.sort;
  }
  get counts(): LibraryView["counts"] {
    return this.#globals.counts;
  }
  get rates(): LibraryView["rates"] {
    return this.#globals.rates;
  }
  get people(): number {
    return this.#globals.people;
  }
  get reach(): LibraryView["reach"] {
    return this.#globals.reach;
  }
  get paused(): boolean {
    return this.#globals.paused;
  }
  /** Rows that filter and search leave. */
  get matching(): number {
    return this.#matching;
  }
  /** What is open in the pane; null until the engine answered. */
  get focus(): Focus | null {
    return this.#focus;
  }
  /** The window can be seen: what changes by itself is asked for. */
  get live(): boolean {
    return this.#live;
  }
  /** What was to be in the pane, and is no more. */
  get gone(): ItemId | null {
    return this.#gone;
  }
  /** The engine answered at least once. */
  get loaded(): boolean {
    return this.#loaded;
  }
  /** Why the engine does not answer; null while it does. */
  get lost(): Problem | null {
    return this.#lost;
  }
  /** The rows that are here, with the number of the first. */
  get rows(): readonly ItemView[] {
    return this.#rows;
  }
  get offset(): number {
    return this.#offset;
  }

  /** The row of that number, if it is here. */
  row(index: number): ItemView | undefined {
    return this.#rows[index - this.#offset];
  }

  find(id: ItemId): ItemView | undefined {
    return this.#rows.find((row) => row.id === id) ?? (this.#focus?.item.id === id ? this.#focus.item : undefined);
  }

  onNotices(listener: (notices: readonly Notice[]) => void): void {
    this.#onNotices = listener;
  }

  setFilter(filter: Filter): void {
    this.#ask({ filter, offset: 0 });
  }

  setSearch(search: string): void {
    this.#ask({ search, offset: 0 });
  }

  setSort(sort: Sort): void {
    this.#ask({ sort, offset: 0 });
  }

  /** The rows from `first` to `end` (not included) are to be here. */
  setWindow(first: number, end: number): void {
    this.#ask({ offset: first, limit: Math.min(MOST_ROWS, Math.max(1, end - first)) });
  }

  setFocus(id: ItemId | null): void {
    if (id !== this.#focus?.item.id) this.#focus = null;
    this.#ask({ focus: id });
  }

  /** Starts or stops asking. */
  setLive(live: boolean): void {
    this.#live = live;
    if (!live) return;
    void this.#poll();
    if (this.#loaded) void this.refresh();
  }

  /** The rows from `first` to `end` (not included), whether they are here or not. */
  async items(first: number, end: number): Promise<ItemView[]> {
    const { filter, search, sort, focus } = this.#asked;
    const items: ItemView[] = [];
    for (let offset = first; offset < end; offset += MOST_ROWS) {
      const limit = Math.min(MOST_ROWS, end - offset);
      const answer = await call("library", { filter, search, sort, focus, offset, limit, since: 0, wait_ms: 0 });
      items.push(...answer.items);
      if (answer.items.length < limit) break;
    }
    return items;
  }

  /** Asks at once, beside the long poll; several wishes during one answer become one more question. */
  async refresh(): Promise<void> {
    this.#stale = true;
    if (this.#refreshing) return;
    this.#refreshing = true;
    try {
      while (this.#stale && this.#live) {
        this.#stale = false;
        const asked = this.#asked;
        this.#take(asked, await call("library", { ...asked, since: 0, wait_ms: 0 }));
      }
    } catch {
      // The long poll notices too, tells it and tries again.
    } finally {
      this.#refreshing = false;
    }
  }

  #ask(change: Partial<Asked>): void {
    const keys = Object.keys(change) as (keyof Asked)[];
    if (keys.every((key) => this.#asked[key] === change[key])) return;
    this.#asked = { ...this.#asked, ...change };
    if (this.#live) void this.refresh();
  }

  async #poll(): Promise<void> {
    if (this.#polling) return;
    this.#polling = true;
    while (this.#live) {
      const asked = this.#asked;
      try {
        const answer = await call("library", { ...asked, since: this.#heard, wait_ms: WAIT_MS });
        this.#heard = answer.rev;
        this.#failures = 0;
        this.#lost = null;
        this.#take(asked, answer);
        if (answer.notices.length > 0) this.#onNotices(answer.notices);
        // Its rows were for another question, so what they tell is not shown yet.
        if (asked !== this.#asked) void this.refresh();
      } catch (error) {
        this.#failures += 1;
        if (this.#failures >= FAILURES_TOLD) this.#lost = asProblem(error);
        await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
      }
    }
    this.#polling = false;
  }

  #take(asked: Asked, answer: LibraryView): void {
    if (answer.rev >= this.#globals.rev) this.#globals = answer;
    if (asked !== this.#asked) return;
    if (asked === this.#answered && answer.rev < this.#rowsRev) return;
    this.#answered = asked;
    this.#rowsRev = answer.rev;
    this.#rows = keepUnchanged(this.#rows, answer.items);
    this.#offset = answer.offset;
    this.#matching = answer.matching;
    this.#focus = answer.focus;
    this.#gone = answer.focus === null ? asked.focus : null;
    this.#loaded = true;
  }
}

export const library = new Library();
