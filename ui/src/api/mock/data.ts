// What the mock's library holds: a dozen items in every state a person can meet, then as many plausible ones as asked for.
import type { ItemView, Problem, State } from "../types";

const KB = 1e3;
const MB = 1e6;
const GB = 1e9;

/** 2026-11-20 09:41 UTC: the mock's items were made before, so that pictures don't change from day to day. */
export const EPOCH = 1_795_167_660;

/** Repeatable random numbers (mulberry32). */
export function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function problem(code: string, message: string, more: Partial<Problem> = {}): Problem {
  return { code, message, hint: null, retry: "user", subject: null, count: null, field: null, ...more };
}

type Draft = Partial<Omit<ItemView, "id">> & { name: string; total: number } & State;

const sharing = { kind: "share", state: "sharing" } as const;
const downloading = { kind: "download", state: "downloading" } as const;

const SHOWN: Draft[] = [
  { ...downloading, name: "Harbour at dawn, director’s cut.mkv", total: 5.2 * GB, done: 3.2 * GB, rate_down: 38.4 * MB, rate_up: 0.3 * MB, peers: 6, having: 9 },
  { ...downloading, name: "field-recordings-2026.zip", total: 11.8 * GB, done: 2.8 * GB, rate_down: 4.2 * MB, peers: 2, having: 2 },
  { ...sharing, name: "Family photos, summer", folder: true, files: 2184, total: 18.3 * GB, rate_up: 8.1 * MB, peers: 2, having: 5 },
  { kind: "share", name: "Thesis data", folder: true, files: 412, total: 1.1 * GB, state: "needs-you", problem: problem("files-changed", "3 files changed since they were shared", { count: 3 }) },
  { kind: "download", name: "Open maps of the Alps", folder: true, total: 0, files: 0, state: "finding" },
  { kind: "share", name: "Concert recordings", folder: true, files: 64, total: 9.6 * GB, done: 6.1 * GB, state: "hashing" },
  { ...sharing, name: "Lease agreement.pdf", total: 248 * KB },
  { ...sharing, name: "Poster A1.png", total: 36 * MB, having: 14 },
  { kind: "download", name: "debian-12 mirror", folder: true, files: 4312, total: 61.9 * GB, done: 26 * GB, having: 11, state: "paused" },
  { ...sharing, name: "Rust by example", folder: true, files: 311, total: 84 * MB },
  { ...sharing, name: "survey-lidar-tiles.tar", total: 212 * GB, having: 1 },
  { kind: "download", name: "Lecture notes, term 2", folder: true, files: 58, total: 740 * MB, done: 512 * MB, state: "verifying" },
  { kind: "download", name: "Satellite mosaic 2025.tif", total: 96 * GB, done: 40 * GB, having: 3, state: "needs-you", problem: problem("no-space", "the disk is full", { subject: "/home/mia/Downloads" }) },
  { kind: "share", name: "Old laptop backup", folder: true, files: 88_214, total: 310 * GB, state: "needs-you", problem: problem("files-missing", "its folder is gone", { subject: "/media/mia/backup" }) },
  { kind: "download", name: "Podcast, season 3", folder: true, files: 24, total: 1.9 * GB, done: 0.7 * GB, state: "needs-you", problem: problem("folder-gone", "the folder is gone", { subject: "/media/mia/usb/Podcast" }) },
  { kind: "share", name: "Tax papers", folder: true, files: 31, total: 52 * MB, state: "needs-you", problem: problem("unreadable", "files can't be read", { subject: "2025/scan 04.pdf", count: 1 }) },
  { kind: "download", name: "bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi", total: 0, state: "needs-you", problem: problem("unknown-codec", "only files and folders can be fetched", { retry: "never" }) },
  { kind: "share", name: "Holiday film, rough cut.mov", total: 4.4 * GB, state: "paused" },
  { ...downloading, name: "Night sky timelapse.mp4", total: 2.1 * GB, done: 1.98 * GB, rate_down: 11 * MB, peers: 1, having: 1 },
  { ...downloading, name: "Choir practice, altos.flac", total: 320 * MB, done: 4 * MB, peers: 0, having: 0 },
  { ...sharing, kind: "download", name: "Garden plans", folder: true, files: 19, total: 61 * MB, skipped: 2, having: 3 },
];

const THINGS = ["Photos", "Recordings", "Field notes", "Scans", "Talks", "Maps", "Letters", "Slides", "Field trip", "Concert", "Workshop", "Archive", "Portraits", "Drafts"];
const OF = ["Lisbon", "the old mill", "spring 2024", "Aunt Rosa", "the choir", "Lake Como", "the lab", "winter", "the garden", "Oslo", "chapter 4", "the reading group", "Sunday", "the island"];
const ENDINGS = [".zip", ".mkv", ".mp4", ".pdf", ".png", ".jpg", ".flac", ".mp3", ".tar", ".txt", "", "", "", ""];

/** How much is in each state, of the made-up ones: most of a library lies there and is shared. */
function madeUp(index: number, next: () => number): Draft {
  const pick = <T>(from: readonly T[]): T => from[Math.floor(next() * from.length)] as T;
  const ending = pick(ENDINGS);
  const name = `${pick(THINGS)}, ${pick(OF)} ${index}${ending}`;
  const total = Math.floor(10 ** (4 + next() * 6));
  const draft: Draft = { ...sharing, name, total, folder: ending === "", files: ending === "" ? 1 + Math.floor(next() * 400) : 1, having: next() < 0.4 ? Math.floor(next() * 12) : 0 };
  const roll = next();
  if (roll < 0.006) return { ...draft, ...downloading, done: total * next(), rate_down: next() * 6 * MB, peers: 1 + Math.floor(next() * 4), having: 5 };
  if (roll < 0.02) return { ...draft, rate_up: next() * 2 * MB, peers: 1 + Math.floor(next() * 3) };
  if (roll < 0.05) return { ...draft, state: "paused" };
  if (roll < 0.056) return { ...draft, state: "needs-you", problem: problem("files-changed", "files changed since they were shared", { count: 1 + Math.floor(next() * 9) }) };
  return draft;
}

/** At most so many of the made-up ones move: nobody watches a thousand downloads. */
const MOST_MOVING = 24;

export function library(howMany: number): ItemView[] {
  const next = random(7);
  const drafts = SHOWN.slice(0, howMany);
  let moving = 0;
  for (let index = drafts.length; index < howMany; index += 1) {
    const draft = madeUp(index, next);
    const moves = draft.state === "downloading" || (draft.rate_up ?? 0) > 0;
    if (moves) moving += 1;
    drafts.push(moves && moving > MOST_MOVING ? { ...draft, ...sharing, rate_up: 0, peers: 0, done: draft.total } : draft);
  }
  return drafts.map((draft, index) => complete(draft, index, howMany, next));
}

function complete(draft: Draft, index: number, howMany: number, next: () => number): ItemView {
  const known = draft.state !== "finding" && draft.total > 0;
  return {
    id: howMany - index,
    kind: "share",
    path: known ? `/home/mia/${draft.kind === "download" ? "Downloads" : "Documents"}/${draft.name}` : null,
    cid: draft.state === "hashing" ? null : cid(next),
    folder: false,
    done: draft.done ?? (draft.state === "finding" ? 0 : draft.total),
    files: 1,
    rate_down: 0,
    rate_up: 0,
    peers: 0,
    having: 0,
    unreachable: 0,
    lacking: null,
    eta: null,
    skipped: 0,
    created: EPOCH - index * 5400,
    ...draft,
  } as ItemView;
}

const BASE32 = "abcdefghijklmnopqrstuvwxyz234567";

export function cid(next: () => number): string {
  return `bafybei${Array.from({ length: 52 }, () => BASE32[Math.floor(next() * 32)]).join("")}`;
}
