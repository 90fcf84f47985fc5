// What is selected in the library, and where the keyboard is. Selected rows need not be here: of 100,000 only a window is.
import type { ItemId, ItemView } from "../api/types";
import { library } from "./library.svelte";

const NONE: ReadonlySet<ItemId> = new Set();

class Selection {
  #ids = $state.raw<ReadonlySet<ItemId>>(NONE);
  #all = $state(false);
  /** The row with the keyboard: the one that Tab comes to. */
  active = $state(0);
  /** Where a range begins. */
  #anchor = 0;
  #awaited: number | null = null;
  #turn = 0;

  has(id: ItemId): boolean {
    return this.#all || this.#ids.has(id);
  }

  get size(): number {
    return this.#all ? library.matching : this.#ids.size;
  }

  get isAll(): boolean {
    return this.#all;
  }

  /** The ids, when they are all known. */
  get ids(): ReadonlySet<ItemId> {
    return this.#ids;
  }

  /** That row alone; when it is not here yet, as soon as it comes (`settle`). */
  only(index: number): void {
    const id = library.row(index)?.id;
    this.#set(id === undefined ? NONE : new Set([id]));
    this.active = this.#anchor = index;
    this.#awaited = id === undefined ? index : null;
  }

  /** Whether the row that was chosen before it was here has come, and is selected now. */
  settle(): boolean {
    if (this.#awaited === null || library.row(this.#awaited) === undefined) return false;
    this.only(this.#awaited);
    return true;
  }

  toggle(index: number): void {
    const id = library.row(index)?.id;
    this.active = this.#anchor = index;
    if (id === undefined || this.#all) return;
    const ids = new Set(this.#ids);
    if (!ids.delete(id)) ids.add(id);
    this.#set(ids);
  }

  /** From the last single choice to here. */
  async extend(index: number): Promise<void> {
    this.active = index;
    const [first, last] = [Math.min(this.#anchor, index), Math.max(this.#anchor, index)];
    const turn = ++this.#turn;
    const items = await this.#between(first, last + 1);
    if (turn === this.#turn) this.#set(new Set(items.map((item) => item.id)));
  }

  all(): void {
    this.#set(NONE);
    this.#all = library.matching > 0;
  }

  clear(): void {
    this.#set(NONE);
  }

  forget(ids: readonly ItemId[]): void {
    if (!ids.some((id) => this.#ids.has(id))) return;
    const gone = new Set(ids);
    this.#set(new Set([...this.#ids].filter((id) => !gone.has(id))));
  }

  /** The selected items that are here: enough to say what can be done with them. */
  get here(): ItemView[] {
    return library.rows.filter((item) => this.has(item.id));
  }

  /** All selected items, asked for where they are not here. */
  async items(): Promise<ItemView[]> {
    if (this.#all) return library.items(0, library.matching);
    const here = this.here;
    if (here.length === this.#ids.size) return here;
    const all = await library.items(0, library.matching);
    return all.filter((item) => this.#ids.has(item.id));
  }

  #set(ids: ReadonlySet<ItemId>): void {
    this.#turn += 1;
    this.#awaited = null;
    this.#all = false;
    this.#ids = ids;
  }

  #between(first: number, end: number): Promise<ItemView[]> | ItemView[] {
    const rows = Array.from({ length: end - first }, (_, at) => library.row(first + at));
    return rows.every((row) => row !== undefined) ? rows : library.items(first, end);
  }
}

export const selection = new Selection();
