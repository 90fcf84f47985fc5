// One thing being shared, from the moment it was chosen: what it is, how far it is, its link. The sheet shows this.
//
// It begins by itself, because nobody who drops a folder wants to be asked first; what can be chosen otherwise makes it begin again.
import { asProblem, call } from "../../api/client";
import type { Announce, ItemId, ItemView, LinkView, PathsView, Problem } from "../../api/types";
import { Copying } from "./copying.svelte";

/** Between two looks at it: while it is made ready, and after that (ms). */
const BUSY_MS = 300;
const CALM_MS = 2_000;

export class Sharing {
  /** What was chosen, looked at before anything is hashed. */
  chosen = $state.raw<PathsView | null>(null);
  item = $state.raw<ItemView | null>(null);
  link = $state.raw<LinkView | null>(null);
  problem = $state.raw<Problem | null>(null);
  hidden = $state(false);
  announce = $state<Announce>("root");
  /** Permissions and times; null: as the settings say. */
  metadata = $state<boolean | null>(null);
  readonly copying: Copying;
  readonly web: Copying;
  #id: ItemId | null = null;
  /** Which beginning this is: answers for an earlier one are of no interest. */
  #turn = 0;
  #shown = true;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** `id`: it is shared already, and only shown. */
  constructor(
    readonly paths: readonly string[],
    id: ItemId | null,
    oncopied: (name: string) => void,
  ) {
    const told = () => {
      if (!this.#shown) oncopied(this.name);
    };
    this.copying = new Copying(told);
    this.web = new Copying(told);
    if (id === null) {
      void this.#begin(null);
    } else {
      this.#id = id;
      void this.#follow(this.#turn);
    }
  }

  get id(): ItemId | null {
    return this.#id;
  }

  get name(): string {
    return this.item?.name ?? this.chosen?.name ?? lastName(this.paths[0] ?? "");
  }

  /** Its link is not there yet. */
  get busy(): boolean {
    return this.problem === null && this.link === null;
  }

  /** The sheet closed. What was pressed already still happens. */
  close(): void {
    this.#shown = false;
    if (this.copying.state === "waiting" || this.web.state === "waiting") return;
    this.#stop();
  }

  /** With other options: from the beginning, under the same name. */
  async again(options: { hidden?: boolean; announce?: Announce; metadata?: boolean }): Promise<void> {
    // Without paths there is nothing to begin with, and what is there must not be lost.
    if (this.paths.length === 0) return;
    const name = this.item?.name ?? null;
    const before = this.#id;
    this.hidden = options.hidden ?? this.hidden;
    this.announce = options.announce ?? this.announce;
    this.metadata = options.metadata ?? this.metadata;
    this.#stop();
    this.#id = null;
    this.item = null;
    void this.#takeLink(null);
    if (before !== null) await call("remove", { ids: [before], delete_files: false }).catch(() => undefined);
    await this.#begin(name);
  }

  async rename(name: string): Promise<void> {
    const wanted = name.trim();
    if (this.#id === null || wanted === "" || wanted === this.name) return;
    try {
      await call("rename", { id: this.#id, name: wanted });
      if (this.item) this.item = { ...this.item, name: wanted };
      // The link carries the name.
      if (this.link !== null) await this.#takeLink(await call("link", { id: this.#id }));
    } catch (error) {
      this.problem = asProblem(error);
    }
  }

  async #begin(name: string | null): Promise<void> {
    const turn = ++this.#turn;
    this.problem = null;
    const paths = [...this.paths];
    const { hidden, announce, metadata } = this;
    void this.#inspect(turn, { paths, hidden });
    try {
      const id = await call("share", { paths, name, profile: null, hidden, announce, ...(metadata === null ? {} : { metadata }) });
      if (turn !== this.#turn) return;
      this.#id = id;
      await this.#follow(turn);
    } catch (error) {
      if (turn === this.#turn) this.problem = asProblem(error);
    }
  }

  async #inspect(turn: number, what: { paths: string[]; hidden: boolean }): Promise<void> {
    try {
      const chosen = await call("inspect-paths", what);
      if (turn === this.#turn) this.chosen = chosen;
    } catch {
      // What is wrong with them is said by the sharing itself.
    }
  }

  async #follow(turn: number): Promise<void> {
    const id = this.#id;
    if (id === null) return;
    try {
      const item = await call("item", { id });
      if (turn !== this.#turn) return;
      this.item = item;
      this.problem = item.state === "needs-you" ? item.problem : null;
      if (this.link === null && item.cid !== null) {
        const link = await call("link", { id });
        if (turn !== this.#turn) return;
        await this.#takeLink(link);
      }
    } catch (error) {
      if (turn !== this.#turn) return;
      this.problem = asProblem(error);
    }
    if (!this.#shown && this.copying.state !== "waiting" && this.web.state !== "waiting") return;
    this.#timer = setTimeout(() => void this.#follow(turn), this.link === null ? BUSY_MS : CALM_MS);
  }

  async #takeLink(link: LinkView | null): Promise<void> {
    this.link = link;
    await Promise.all([this.copying.arrive(link?.link ?? null), this.web.arrive(link?.gateway ?? null)]);
  }

  #stop(): void {
    this.#turn += 1;
    clearTimeout(this.#timer);
  }
}

const lastName = (path: string): string => path.split(/[\\/]/).filter((name) => name !== "").at(-1) ?? path;
