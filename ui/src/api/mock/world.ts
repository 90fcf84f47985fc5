// The mock's engine: items that move, a revision that counts, long polls that wait for it.
// `?items=N` how many, `?state=` empty | lost | paused | idle | first, or a place in the network
// (mock/network.ts: port, direct, relay, cgnat …),
// `?locked=KEY,KEY` settings that the environment gives, `?lang=`, `?theme=`, `?clock=manual`: time passes only by `tick`.
import type { BannedView, CheckView, ItemView, LibraryRequest, LibraryView, Notice, PersonView, Problem, Reachability, RateSample, StandingRequest } from "../types";
import { library, problem, random } from "./data";
import { placeOf } from "./network";

const TICK_MS = 500;
/** Answers are at least so far apart, as the engine's. */
const APART_MS = 250;
const HISTORY = 60;
/** Settings that the query may give. */
const LISTS = ["peers.trusted", "peers.blocked", "networks.blocked", "relays", "http.check"];
const HASH_RATE = 640e6;

type Listener = (value: unknown) => void;

declare global {
  interface Window {
    /** The browser tests' hand on the mock. */
    shoalMock?: World;
  }
}

export class World {
  items: ItemView[];
  rev = 1;
  paused = false;
  reach: Reachability;
  people = 23;
  copied: string | null = null;
  /** How long it took to make up the items (ms). */
  readonly madeIn: number;
  lost: boolean;
  readonly settings: Map<string, string>;
  readonly locked: ReadonlySet<string>;
  readonly state: string;
  /** The last test of whether others get here. */
  check: CheckView | null = null;
  /** Who broke the rules of the exchange: `?banned=PEER,PEER`. */
  banned: BannedView[];
  /** What the start found: `?remark=CODE`. */
  readonly remarks: Problem[];
  readonly standings = new Map<string, StandingRequest["standing"]>();
  readonly next = random(11);

  #byId = new Map<number, ItemView>();
  #moving = new Set<number>();
  #histories = new Map<number | null, RateSample[]>();
  #notices: Notice[] = [];
  #waiting: (() => void)[] = [];
  #listeners = new Map<string, Set<Listener>>();
  #sorted = new Map<string, ItemView[]>();
  #ended = new Set<number>();

  constructor(readonly query: URLSearchParams) {
    const began = performance.now();
    this.state = query.get("state") ?? "";
    this.items = library(this.state === "empty" || this.state === "first" ? 0 : Number(query.get("items") ?? 1000));
    this.lost = this.state === "lost";
    this.banned = (query.get("banned")?.split(",") ?? []).map((peer, at) => ({ peer, seconds: 3400 - 700 * at }));
    const remark = query.get("remark");
    this.remarks = remark === null ? [] : [problem(remark, "what the start found", { subject: "/home/mia/.local/share/shoal/settings.old-1.json", count: 2, retry: "never" })];
    this.paused = this.state === "paused";
    this.locked = new Set(query.get("locked")?.split(","));
    if (this.state === "offline" || this.state === "machine") this.people = 0;
    this.reach = placeOf(this.state).reach;
    this.settings = new Map([
      ["theme", query.get("theme") ?? "auto"],
      ["language", query.get("lang") ?? "auto"],
      ["welcomed", this.state === "first" ? "off" : "on"],
    ]);
    for (const key of LISTS) {
      const given = query.get(key);
      if (given !== null) this.settings.set(key, given);
    }
    if (this.state === "private") this.settings.set("network.key", "3f".repeat(32));
    if (this.state === "off") ["nat", "relay"].forEach((key) => this.settings.set(key, "off"));
    for (const item of this.items) this.#byId.set(item.id, item);
    for (const item of this.items) if (moves(item)) this.#moving.add(item.id);
    if (this.state === "idle" || this.state === "offline" || this.paused) this.#still();
    if (this.paused) this.items.filter((item) => item.state !== "needs-you").forEach((item) => Object.assign(item, { state: "paused" }));
    for (const id of this.#moving) this.#advance(this.get(id), 0);
    for (let second = 0; second < HISTORY; second += 1) this.#record(hill(second));
    this.madeIn = performance.now() - began;
    if (query.get("clock") !== "manual") setInterval(() => this.tick(TICK_MS), TICK_MS);
    if (typeof window !== "undefined") window.shoalMock = this;
  }

  get(id: number): ItemView {
    const item = this.#byId.get(id);
    if (item === undefined) throw problem("unknown-item", `no item ${id}`, { retry: "never" });
    return item;
  }

  /** As the engine, it keeps whom it trusts and blocks in the settings. */
  stand(peer: string, standing: StandingRequest["standing"]): void {
    this.standings.set(peer, standing);
    if (standing !== "blocked") this.banned = this.banned.filter((one) => one.peer !== peer);
    for (const [key, is] of [["peers.trusted", "trusted"], ["peers.blocked", "blocked"]] as const) {
      const others = (this.settings.get(key) ?? "none").split(",").filter((one) => one !== peer && one !== "none");
      this.settings.set(key, (standing === is ? [...others, peer] : others).join(",") || "none");
    }
  }

  /** As they stand by now: who is blocked is gone. */
  standing(people: PersonView[]): PersonView[] {
    return people
      .filter(({ peer }) => this.standings.get(peer) !== "blocked")
      .map((person) => ({ ...person, trusted: this.standings.has(person.peer) ? this.standings.get(person.peer) === "trusted" : person.trusted }));
  }

  add(draft: Omit<ItemView, "id">): ItemView {
    const item = { ...draft, id: 1 + Math.max(0, ...this.#byId.keys()) } as ItemView;
    this.items.unshift(item);
    this.#byId.set(item.id, item);
    this.changed(item);
    return item;
  }

  remove(id: number): void {
    this.get(id);
    this.#byId.delete(id);
    this.#moving.delete(id);
    this.items = this.items.filter((item) => item.id !== id);
    this.bump();
  }

  /** An item's state or name is another now. */
  changed(item: ItemView): void {
    if (moves(item)) this.#moving.add(item.id);
    else this.#moving.delete(item.id);
    this.bump();
  }

  notice(kind: Notice["kind"], item: ItemView, why: Problem | null = null): void {
    this.#notices.push({ rev: this.rev + 1, kind, id: item.id, name: item.name, problem: why });
    this.bump();
  }

  bump(): void {
    this.rev += 1;
    this.#sorted.clear();
    this.#wake();
  }

  on(event: string, listener: Listener): () => void {
    const listeners = this.#listeners.get(event) ?? new Set();
    listeners.add(listener);
    this.#listeners.set(event, listeners);
    return () => listeners.delete(listener);
  }

  /** As the shell around the window would: `emit("open-request", …)`, `emit("drop", …)`. */
  emit(event: string, value: unknown): void {
    for (const listener of this.#listeners.get(event) ?? []) listener(value);
  }

  tick(ms: number): void {
    for (const id of [...this.#moving]) this.#advance(this.get(id), ms / 1000);
    this.#record();
    if (this.#moving.size === 0) return;
    this.rev += 1;
    this.#wake();
  }

  async library(request: LibraryRequest): Promise<LibraryView> {
    if (this.lost) throw problem("engine-stopped", "the engine stopped");
    if (request.since > 0 && request.wait_ms > 0) {
      const pause = new Promise<void>((resolve) => setTimeout(resolve, APART_MS));
      if (request.since >= this.rev) await new Promise<void>((resolve) => this.#waiting.push(resolve));
      await pause;
      if (this.lost) throw problem("engine-stopped", "the engine stopped");
    }
    return this.#view(request);
  }

  #view({ since, filter, search, sort, offset, limit, focus }: LibraryRequest): LibraryView {
    const rows = this.#rows(filter, search, sort);
    const item = focus === null ? undefined : this.#byId.get(focus);
    return {
      rev: this.rev,
      counts: {
        all: this.items.length,
        sharing: this.#rows("sharing", "", sort).length,
        downloading: this.#rows("downloading", "", sort).length,
        needs_you: this.#rows("needs-you", "", sort).length,
      },
      matching: rows.length,
      offset,
      items: rows.slice(offset, offset + limit),
      focus: item === undefined ? null : { item, history: this.#history(item.id) },
      rates: { ...this.#rates(), history: this.#history(null) },
      people: this.people,
      reach: this.reach,
      paused: this.paused,
      notices: since === 0 ? [] : this.#notices.filter((notice) => notice.rev > since),
    };
  }

  #rows(filter: LibraryRequest["filter"], search: string, sort: LibraryRequest["sort"]): ItemView[] {
    const key = JSON.stringify([filter, search, sort]);
    let rows = this.#sorted.get(key);
    if (rows === undefined) {
      const wanted = search.toLocaleLowerCase();
      rows = this.items.filter((item) => belongs(item, filter) && item.name.toLocaleLowerCase().includes(wanted));
      if (sort === "name") rows.sort((a, b) => a.name.localeCompare(b.name));
      if (sort === "size") rows.sort((a, b) => b.total - a.total);
      this.#sorted.set(key, rows);
    }
    return rows;
  }

  #rates(): { down: number; up: number } {
    let down = 0;
    let up = 0;
    for (const id of this.#moving) {
      const item = this.get(id);
      down += item.rate_down;
      up += item.rate_up;
    }
    return { down, up };
  }

  #history(of: number | null): RateSample[] {
    const history = this.#histories.get(of) ?? [];
    return history.some(([down, up]) => down > 0 || up > 0) ? history : [];
  }

  #record(part = 1): void {
    const { down, up } = this.#rates();
    this.#push(null, down * part, up * part);
    for (const id of this.#moving) {
      const item = this.get(id);
      this.#push(id, item.rate_down * part, item.rate_up * part);
    }
  }

  #push(of: number | null, down: number, up: number): void {
    const history = this.#histories.get(of) ?? [];
    history.push([wobble(down, this.next), wobble(up, this.next)]);
    this.#histories.set(of, history.slice(-HISTORY));
  }

  #advance(item: ItemView, seconds: number): void {
    switch (item.state) {
      case "downloading":
        item.rate_down = item.peers > 0 ? wobble(item.rate_down || 2e6, this.next) : 0;
        this.#fill(item, item.rate_down * seconds, "sharing");
        break;
      case "hashing":
      case "verifying":
        this.#fill(item, HASH_RATE * seconds, "sharing");
        break;
      case "sharing":
        item.rate_up = wobble(item.rate_up, this.next);
        break;
    }
    const rate = item.state === "downloading" ? item.rate_down : HASH_RATE;
    item.eta = item.done < item.total && rate > 0 ? Math.round((item.total - item.done) / rate) : null;
  }

  #fill(item: ItemView, by: number, then: "sharing"): void {
    item.done = Math.min(item.total, item.done + by);
    if (item.done < item.total || item.total === 0) return;
    const was = item.state;
    Object.assign(item, { state: then, rate_down: 0, peers: 0, eta: null, cid: item.cid ?? "bafybeic3h7rwruealwxkacabdy45qk2mzqk5m2w3hrt6n7v4jrm2k5p3xe" });
    this.changed(item);
    if (was === "downloading" && !this.#ended.has(item.id)) this.notice("finished", item);
    this.#ended.add(item.id);
  }

  #still(): void {
    for (const id of this.#moving) {
      const item = this.get(id);
      if (item.state === "downloading" || item.state === "hashing") Object.assign(item, { state: "paused" });
      Object.assign(item, { rate_down: 0, rate_up: 0, peers: 0, eta: null });
    }
    this.#moving.clear();
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

export function moves(item: ItemView): boolean {
  return item.state === "downloading" || item.state === "hashing" || item.state === "verifying" || item.rate_up > 0;
}

function belongs(item: ItemView, filter: LibraryRequest["filter"]): boolean {
  switch (filter) {
    case "all":
      return true;
    case "needs-you":
      return item.state === "needs-you";
    case "downloading":
      return item.kind === "download" && item.state !== "needs-you" && item.state !== "sharing";
    case "sharing":
      return item.state !== "needs-you" && (item.kind === "share" || item.state === "sharing");
  }
}

/** How the minute before the window opened looked: it grew, and went up and down. */
function hill(second: number): number {
  return 0.35 + 0.5 * (second / HISTORY) + 0.12 * Math.sin(second / 4) + 0.06 * Math.sin(second / 1.7);
}

function wobble(rate: number, next: () => number): number {
  return Math.round(rate * (0.94 + next() * 0.125));
}
