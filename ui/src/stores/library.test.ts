// The store against a platform that answers when it is told to.
import { beforeEach, describe, expect, it, vi } from "vitest";
import { library as items } from "../api/mock/data";
import type * as store from "./library.svelte";
import type { Platform } from "../api/platform";
import type { ItemView, LibraryRequest, LibraryView, Notice } from "../api/types";

interface Question {
  request: LibraryRequest;
  answer: (change: Partial<LibraryView>) => Promise<void>;
  fail: () => Promise<void>;
}

let questions: Question[];
let library: (typeof store)["library"];

beforeEach(async () => {
  questions = [];
  vi.resetModules();
  // One store and one client for each test.
  const { connect } = await import("../api/client");
  const call = (_name: string, request: LibraryRequest) =>
    new Promise((resolve, reject) => questions.push({ request, answer: settle(request, resolve), fail: () => turn(() => reject(new Error("gone"))) }));
  connect({ call } as unknown as Platform);
  ({ library } = await import("./library.svelte"));
});

function settle(request: LibraryRequest, resolve: (view: LibraryView) => void): Question["answer"] {
  const counts = { all: 3, sharing: 3, downloading: 0, needs_you: 0 };
  const rates = { down: 0, up: 0, history: [] };
  const view: LibraryView = { rev: 1, counts, matching: 3, offset: request.offset, items: rows(), focus: null, rates, people: 0, reach: "direct", paused: false, notices: [] };
  return (change) => turn(() => resolve({ ...view, ...change }));
}

async function turn(act: () => void): Promise<void> {
  act();
  for (let step = 0; step < 10; step += 1) await Promise.resolve();
}

function rows(): ItemView[] {
  return items(3);
}

function question(at: number): Question {
  const found = questions.at(at);
  if (found === undefined) throw new Error("nothing was asked");
  return found;
}

describe("the long poll", () => {
  it("asks at once, then waits for what is newer", async () => {
    library.setLive(true);
    expect(question(0).request).toMatchObject({ since: 0 });
    await question(0).answer({ rev: 7 });
    expect(library.loaded).toBe(true);
    expect(library.row(1)?.name).toBe("field-recordings-2026.zip");
    expect(question(-1).request).toMatchObject({ since: 7 });
  });

  it("stops while the window is hidden", async () => {
    library.setLive(true);
    library.setLive(false);
    await question(0).answer({});
    expect(questions).toHaveLength(1);
  });

  it("tells only the second failure, and goes on asking", async () => {
    vi.useFakeTimers();
    library.setLive(true);
    await question(-1).fail();
    expect(library.lost).toBeNull();
    await vi.advanceTimersByTimeAsync(2000);
    await question(-1).fail();
    expect(library.lost).not.toBeNull();
    await vi.advanceTimersByTimeAsync(2000);
    await question(-1).answer({});
    expect(library.lost).toBeNull();
    vi.useRealTimers();
  });

  it("hands on what happened", async () => {
    const heard: Notice[] = [];
    library.onNotices((notices) => heard.push(...notices));
    library.setLive(true);
    await question(0).answer({ rev: 1 });
    const notice: Notice = { rev: 2, kind: "finished", id: 1, name: "a", problem: null };
    await question(-1).answer({ rev: 2, notices: [notice] });
    expect(heard).toEqual([notice]);
  });
});

describe("another question", () => {
  beforeEach(async () => {
    library.setLive(true);
    await question(0).answer({ rev: 5 });
  });

  it("is asked beside the long poll, and begins at the top", async () => {
    library.setWindow(50, 100);
    await question(-1).answer({ rev: 5, items: [] });
    library.setFilter("needs-you");
    expect(question(-1).request).toMatchObject({ since: 0, filter: "needs-you", offset: 0 });
  });

  it("is asked once for several wishes during one answer", async () => {
    const before = questions.length;
    library.setSearch("a");
    library.setSearch("ab");
    library.setSearch("abc");
    expect(questions).toHaveLength(before + 1);
    await question(-1).answer({ rev: 5 });
    expect(question(-1).request.search).toBe("abc");
    expect(questions).toHaveLength(before + 2);
  });

  it("is not answered by rows of the question before", async () => {
    const poll = question(-1);
    library.setFilter("sharing");
    await question(-1).answer({ rev: 5, matching: 1, items: rows().slice(0, 1) });
    await poll.answer({ rev: 6, matching: 3 });
    expect(library.matching).toBe(1);
    // What the poll heard of is fetched for the new question, too.
    expect(questions.filter(({ request }) => request.since === 0 && request.filter === "sharing")).toHaveLength(2);
  });

  it("is not asked when nothing is different", () => {
    const before = questions.length;
    library.setFilter("all");
    library.setSearch("");
    expect(questions).toHaveLength(before);
  });
});
