// A look-up against an engine that answers when it is told to.
import { beforeEach, describe, expect, it } from "vitest";
import { connect } from "../../api/client";
import type { Platform } from "../../api/platform";
import type { InspectLinkRequest, InspectView } from "../../api/types";
import { Lookup } from "./lookup.svelte";

interface Question {
  request: InspectLinkRequest;
  answer: (more: Partial<InspectView>) => Promise<void>;
  refuse: () => Promise<void>;
}

let questions: Question[];
let lookup: Lookup;

const NOTHING: InspectView = {
  rev: 1, cid: "cid", name: "Maps", kind: null, total: null, entries: null, truncated: false, people: 0, tried: ["connected"], seconds: 0,
  into: "/home/mia/Downloads", free: 100, existing: null,
};
const TOP: Partial<InspectView> = {
  rev: 2, kind: "folder", total: 30, people: 2, entries: [{ name: "sheets", kind: "folder", size: 20 }, { name: "a.txt", kind: "file", size: 10 }],
};

beforeEach(() => {
  questions = [];
  const call = (_name: string, request: InspectLinkRequest) =>
    new Promise((resolve, reject) => {
      const settle = async (act: () => void) => {
        act();
        for (let step = 0; step < 10; step += 1) await Promise.resolve();
      };
      const problem = { code: "gone", message: "gone", hint: null, retry: "auto", subject: null, count: null, field: null };
      questions.push({ request, answer: (more) => settle(() => resolve({ ...NOTHING, ...more })), refuse: () => settle(() => reject(problem as unknown as Error)) });
    });
  connect({ call } as unknown as Platform);
  lookup = new Lookup();
  lookup.look("ipfs://cid");
});

const last = () => questions.at(-1) as Question;
const names = () => lookup.rows.map((row) => row.name);

describe("looking into a link", () => {
  it("asks for what is known at once, then waits for news", async () => {
    expect(last().request).toMatchObject({ dir: "", since: 0, wait_ms: 0 });
    await last().answer({});
    expect([lookup.view?.tried, lookup.into, lookup.chosen]).toEqual([["connected"], "/home/mia/Downloads", null]);
    expect(last().request).toMatchObject({ dir: "", since: 1, wait_ms: 10_000 });
    await last().answer(TOP);
    expect(names()).toEqual(["Maps", "sheets", "a.txt"]);
    expect(lookup.chosen).toBe(30);
  });

  it("reads a folder when it is opened, and asks about nothing else until it is there", async () => {
    await last().answer(TOP);
    const waiting = last();
    void lookup.toggle("sheets");
    await last().answer({ ...TOP, entries: null });
    expect(lookup.rows.map((row) => row.note)).toEqual([null, null, "reading", null]);
    await waiting.answer({ ...TOP, rev: 3 });
    expect(last().request).toMatchObject({ dir: "sheets", since: 3 });
    await last().answer({ ...TOP, rev: 4, entries: [{ name: "1.tif", kind: "file", size: 20 }] });
    expect(names()).toEqual(["Maps", "sheets", "1.tif", "a.txt"]);
    expect(last().request.dir).toBe("");
  });

  it("closes a folder that can't be read, and says why", async () => {
    await last().answer(TOP);
    void lookup.toggle("sheets");
    await last().refuse();
    expect(lookup.problem?.code).toBe("gone");
    expect(names()).toEqual(["Maps", "sheets", "a.txt"]);
  });

  it("asks for what was chosen, and for nothing in particular when that is everything", async () => {
    await last().answer(TOP);
    expect(lookup.wanted.select).toEqual([]);
    lookup.choose("sheets", false);
    expect([lookup.wanted.select, lookup.chosen]).toEqual([["a.txt"], 10]);
  });

  it("hears nothing of a link that was replaced", async () => {
    const old = last();
    lookup.look("ipfs://other");
    await old.answer(TOP);
    expect(lookup.view).toBeNull();
    expect(last().request.link).toBe("ipfs://other");
  });

  it("asks about the other folder when it goes there", async () => {
    await last().answer(TOP);
    lookup.moveTo("/media/mia/disk");
    expect(last().request).toMatchObject({ into: "/media/mia/disk", since: 0 });
    expect([lookup.wanted.into, lookup.into]).toEqual(["/media/mia/disk", "/media/mia/disk"]);
  });
});
