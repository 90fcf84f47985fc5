import { describe, expect, it } from "vitest";
import type { ItemView, State } from "../api/types";
import { hasBar, sentence } from "./sentence";

type Change = Partial<Omit<ItemView, "state" | "problem">> & Partial<State>;

function item(change: Change): ItemView {
  const base = { id: 1, kind: "share", name: "a", path: null, cid: null, folder: false, total: 1000, done: 1000, files: 1, rate_down: 0, rate_up: 0 };
  return { ...base, peers: 0, having: 0, unreachable: 0, lacking: null, eta: null, skipped: 0, created: 0, state: "sharing", ...change } as ItemView;
}

function check(change: Change, expected: string): void {
  expect(sentence(item(change))).toBe(expected);
}

describe("sentence", () => {
  const download = { kind: "download", state: "downloading", done: 420 } as const;

  it("says from how many of how many people", () => {
    check({ ...download, peers: 3, having: 12 }, "Downloading from 3 of 12 people");
    check({ ...download, peers: 1, having: 1 }, "Downloading from the one person who has it");
    check({ ...download, peers: 2, having: 2 }, "Downloading from both people who have it");
    check({ ...download, peers: 7, having: 7 }, "Downloading from all 7 people who have it");
    check({ ...download, peers: 1, having: 2 }, "Downloading from 1 of 2 people");
  });

  it("never counts fewer people than it fetches from", () => {
    check({ ...download, peers: 3, having: 0 }, "Downloading from all 3 people who have it");
  });

  it("says how long it will take", () => {
    check({ ...download, peers: 3, having: 12, eta: 240 }, "Downloading from 3 of 12 people, 4 min left");
  });

  it("says that nobody is there, and what happens then", () => {
    check({ ...download, peers: 0 }, "Nobody who has it is online now · goes on by itself");
  });

  it("says what nobody has who is connected", () => {
    const stuck = { ...download, state: "finding", done: 999 } as const;
    check({ ...stuck, lacking: { pieces: 1, people: 1 } }, "99% is here · 1 piece that the one person connected does not have");
    check({ ...stuck, lacking: { pieces: 7, people: 2 } }, "99% is here · 7 pieces that none of the 2 people connected has");
  });

  it("says who can't be connected to", () => {
    check({ ...download, state: "finding", having: 1, unreachable: 1 }, "The one person who has it can’t be connected to directly · looking for others");
    check({ ...download, state: "finding", having: 3, unreachable: 2 }, "2 people who have it can’t be connected to directly · looking for others");
  });

  it("speaks of a share by who fetches it and who has it", () => {
    check({ peers: 1 }, "Shared · 1 person is fetching it");
    check({ peers: 2 }, "Shared · 2 people are fetching it");
    check({ having: 1 }, "Shared · 1 other person has it");
    check({ having: 14 }, "Shared · 14 other people have it");
    check({}, "Shared · nobody is fetching it now");
    check({ kind: "download", peers: 2 }, "Downloaded and shared · 2 people are fetching it");
  });

  it("counts what was left out", () => {
    check({ having: 3, skipped: 1 }, "Shared · 3 other people have it · 1 file left out");
    check({ having: 3, skipped: 2 }, "Shared · 3 other people have it · 2 files left out");
  });

  it("says how far it is", () => {
    check({ state: "hashing", total: 18.3e9, done: 13.2e9, eta: 4 }, "Getting it ready · 13.2 of 18.3 GB · 4 sec left");
    check({ state: "hashing", total: 0, done: 0 }, "Getting it ready");
    check({ state: "verifying", done: 420 }, "Checking what is here · 42%");
    check({ state: "paused", kind: "download", done: 420 }, "Paused · 42% is here");
    check({ state: "paused" }, "Paused · nobody can fetch it now");
    check({ state: "paused", done: 0 }, "Paused");
  });

  it("says what is looked for", () => {
    check({ state: "finding", kind: "download", total: 0, done: 0 }, "Looking for people who have this");
    check({ state: "finding", kind: "download", done: 420 }, "Looking for people who have the rest · 42% is here");
    check({ state: "finding", kind: "download", done: 0, having: 2 }, "Waiting for 2 people who have it");
    check({ state: "finding", kind: "download", done: 420, having: 1 }, "Waiting for the one person who has the rest · 42% is here");
  });

  it("says the problem, in the engine's words when there are no others", () => {
    const problem = { code: "unheard-of", message: "the moon is in the way", hint: null, retry: "user", subject: null, count: null, field: null } as const;
    check({ state: "needs-you", problem }, "The moon is in the way");
  });
});

describe("hasBar", () => {
  it("shows a bar only where something fills up or stopped half-way", () => {
    expect(hasBar(item({ state: "sharing" }))).toBe(false);
    expect(hasBar(item({ state: "downloading", done: 1 }))).toBe(true);
    expect(hasBar(item({ state: "downloading", done: 0, total: 0 }))).toBe(false);
    expect(hasBar(item({ state: "paused" }))).toBe(false);
    expect(hasBar(item({ state: "paused", done: 10 }))).toBe(true);
  });
});
