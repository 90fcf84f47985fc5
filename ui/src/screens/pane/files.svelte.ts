// The files of an item as rows: folders are read when they are opened, and only those pages that are looked at.
import { asProblem, call } from "../../api/client";
import type { FilesView, FileView, ItemId, Problem } from "../../api/types";
import { attach, branch, type Branch, detach, find, firstRow, locate, rows } from "./flat";

/** Entries that are asked for at once: two windows full. */
const PAGE = 100;
/** Pages that are kept of one folder, so that scrolling through 100,000 files does not collect them all. */
const KEPT_PAGES = 40;

export interface FileRow {
  /** Null while it is being read. */
  file: FileView | null;
  depth: number;
  /** Its place in its folder and how many there are, from 1, for screen readers. */
  place: number;
  of: number;
  open: boolean;
}

export class Files {
  problem = $state.raw<Problem | null>(null);
  loaded = $state(false);
  #revision = $state(0);
  #root = branch("", 0);
  #opened = new Set<string>();
  #pages = new Map<string, Map<number, FileView[]>>();
  #asked = new Set<string>();
  #seen: [first: number, last: number] = [0, 0];

  constructor(readonly id: ItemId) {
    void this.#read("", 0);
  }

  get count(): number {
    void this.#revision;
    return rows(this.#root);
  }

  at(row: number): FileRow {
    void this.#revision;
    const { branch: dir, place } = locate(this.#root, row);
    const file = this.#pages.get(dir.path)?.get(Math.floor(place / PAGE))?.[place % PAGE] ?? null;
    const open = file !== null && this.#opened.has(file.path);
    return { file, depth: dir.depth, place: place + 1, of: dir.total, open };
  }

  /** The row of the folder that a row lies in; null at the top. */
  parentRow(row: number): number | null {
    const { branch: dir } = locate(this.#root, row);
    const first = firstRow(this.#root, dir.path);
    return dir.path === "" || first === null ? null : first - 1;
  }

  /** Rows `first` to `last` are looked at: what is missing of them is read. */
  see(first: number, last: number): void {
    this.#seen = [first, last];
    for (const [dir, page] of this.#visible()) {
      if (!this.#pages.get(dir)?.has(page)) void this.#read(dir, page);
    }
  }

  /** Reads anew what is looked at; the rest is read again when it comes into sight. */
  async refresh(): Promise<void> {
    const visible = this.#visible();
    const wanted = new Set(visible.map(([dir, page]) => `${page} ${dir}`));
    for (const [dir, pages] of this.#pages) {
      for (const page of pages.keys()) if (!wanted.has(`${page} ${dir}`) && pages.size > KEPT_PAGES) pages.delete(page);
    }
    await Promise.all(visible.map(([dir, page]) => this.#read(dir, page)));
  }

  async toggle(path: string, open = !this.#opened.has(path)): Promise<void> {
    if (open) {
      this.#opened.add(path);
      await this.#read(path, 0);
    } else {
      for (const other of [...this.#opened]) {
        if (other === path || other.startsWith(`${path}/`)) this.#opened.delete(other);
      }
      const above = find(this.#root, path.slice(0, Math.max(0, path.lastIndexOf("/"))));
      if (above !== null) detach(above, path);
      this.#revision += 1;
    }
  }

  async choose(paths: string[], chosen: boolean): Promise<void> {
    this.#change(paths, (file) => ({ ...file, chosen: chosen ? "all" : "none" }));
    await this.#ask(() => call("select", { id: this.id, paths, chosen }));
  }

  async prioritize(paths: string[], high: boolean): Promise<void> {
    this.#change(paths, (file) => ({ ...file, priority: high ? "high" : "normal" }));
    await this.#ask(() => call("prioritize", { id: this.id, paths, high }));
  }

  /** Files (no folders) of the folder in which `path` lies, as far as they are read: what a preview can go on to. */
  neighbours(path: string): FileView[] {
    void this.#revision;
    const pages = this.#pages.get(path.slice(0, Math.max(0, path.lastIndexOf("/"))));
    const inOrder = [...(pages ?? [])].sort(([a], [b]) => a - b).flatMap(([, files]) => files);
    return inOrder.filter((file) => file.kind === "file");
  }

  async #ask(what: () => Promise<null>): Promise<void> {
    try {
      await what();
      this.problem = null;
    } catch (error) {
      this.problem = asProblem(error);
    }
    await this.refresh();
  }

  /** Shown at once; the engine's answer follows with the next reading. */
  #change(paths: string[], how: (file: FileView) => FileView): void {
    const about = (file: FileView) => paths.some((path) => path === "" || file.path === path || file.path.startsWith(`${path}/`));
    for (const pages of this.#pages.values()) {
      for (const [page, files] of pages) {
        pages.set(page, files.map((file) => (about(file) ? how(file) : file)));
      }
    }
    this.#revision += 1;
  }

  #visible(): [dir: string, page: number][] {
    // Nothing is in it yet: what a download brings is known only later.
    if (rows(this.#root) === 0) return [["", 0]];
    const pages = new Map<string, [string, number]>();
    const last = Math.min(this.#seen[1], rows(this.#root) - 1);
    for (let row = this.#seen[0]; row <= last; row += 1) {
      const { branch: dir, place } = locate(this.#root, row);
      const page = Math.floor(place / PAGE);
      pages.set(`${page} ${dir.path}`, [dir.path, page]);
    }
    return [...pages.values()];
  }

  async #read(dir: string, page: number): Promise<void> {
    const asking = `${page} ${dir}`;
    if (this.#asked.has(asking)) return;
    this.#asked.add(asking);
    try {
      const view = await call("files", { id: this.id, dir, offset: page * PAGE, limit: PAGE });
      this.#take(dir, page, view);
      this.problem = null;
    } catch (error) {
      this.problem = asProblem(error);
    } finally {
      this.#asked.delete(asking);
      this.loaded = true;
    }
  }

  #take(dir: string, page: number, view: FilesView): void {
    const into = this.#branch(dir, view.total);
    if (into === null) return;
    if (into.total !== view.total) {
      // Something came or went: the other pages' places are no longer true.
      this.#pages.delete(dir);
      into.total = view.total;
      into.open = into.open.filter((inner) => inner.place < view.total);
    }
    const pages = this.#pages.get(dir) ?? new Map<number, FileView[]>();
    this.#pages.set(dir, pages.set(page, view.entries));
    view.entries.forEach((file, at) => {
      if (file.kind !== "folder" || !this.#opened.has(file.path)) return;
      const known = into.open.find((inner) => inner.branch.path === file.path);
      attach(into, page * PAGE + at, known?.branch ?? branch(file.path, into.depth + 1));
    });
    this.#revision += 1;
  }

  /** The branch of a folder, made if it was just opened; null if it was closed meanwhile. */
  #branch(dir: string, total: number): Branch | null {
    const known = find(this.#root, dir);
    if (known !== null || !this.#opened.has(dir)) return known;
    const above = find(this.#root, dir.slice(0, Math.max(0, dir.lastIndexOf("/"))));
    if (above === null) return null;
    for (const [page, files] of this.#pages.get(above.path) ?? []) {
      const at = files.findIndex((file) => file.path === dir);
      if (at < 0) continue;
      const made = branch(dir, above.depth + 1, total);
      attach(above, page * PAGE + at, made);
      return made;
    }
    return null;
  }
}
