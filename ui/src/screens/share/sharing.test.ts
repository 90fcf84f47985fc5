// Sharing against a platform that answers by a script.
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { connect } from "../../api/client";
import type { Platform } from "../../api/platform";
import type { Calls, ItemView } from "../../api/types";
import { Sharing } from "./sharing.svelte";

type Answers = { [N in keyof Calls]?: (argument: Calls[N][0]) => Calls[N][1] };

let asked: [name: string, argument: unknown][];
let copied: string[];
let item: ItemView;
let problem: unknown;

beforeEach(() => {
  vi.useFakeTimers();
  asked = [];
  copied = [];
  problem = null;
  item = {
    id: 1, kind: "share", name: "Photos", path: "/home/mia/Photos", cid: null, folder: true, total: 10, done: 3, files: 2, rate_down: 0, rate_up: 0,
    peers: 0, having: 0, unreachable: 0, lacking: null, eta: 4, skipped: 0, created: 0, state: "hashing",
  };
  let next = 1;
  const answers: Answers = {
    "inspect-paths": () => ({ name: "Photos", folder: true, files: 2, folders: 0, bytes: 10, complete: true, skipped: [], skipped_count: 0 }),
    share: () => {
      if (problem !== null) throw problem;
      return next++;
    },
    item: () => item,
    link: () => ({ link: `ipfs://cid?filename=${item.name}`, gateway: "https://dweb.link/ipfs/cid" }),
    rename: ({ name }) => {
      item = { ...item, name };
      return null;
    },
    remove: () => ({ kept: [], count: 0 }),
  };
  const call = (name: keyof Calls, argument: never) => {
    asked.push([name, argument]);
    return new Promise((resolve) => resolve(answers[name]?.(argument)));
  };
  const copy = (text: string) => Promise.resolve(void copied.push(text));
  connect({ call, copy } as unknown as Platform);
});

afterEach(() => vi.useRealTimers());

const begin = (told: (name: string) => void = () => undefined) => new Sharing(["/home/mia/Photos"], null, told);
const settle = () => vi.advanceTimersByTimeAsync(0);
const ready = async () => {
  item = { ...item, state: "sharing", cid: "cid", done: 10 };
  await vi.advanceTimersByTimeAsync(1000);
};
const names = () => asked.map(([name]) => name);

describe("sharing", () => {
  it("begins by itself and fills in the link when it exists", async () => {
    const sharing = begin();
    await settle();
    expect(names()).toContain("share");
    expect([sharing.name, sharing.chosen?.files, sharing.item?.done, sharing.link]).toEqual(["Photos", 2, 3, null]);
    await ready();
    expect(sharing.link?.link).toBe("ipfs://cid?filename=Photos");
  });

  it("copies when the link is there, if Copy was pressed before", async () => {
    const sharing = begin();
    await settle();
    await sharing.copying.press();
    expect([sharing.copying.state, copied]).toEqual(["waiting", []]);
    await ready();
    expect([sharing.copying.state, copied]).toEqual(["copied", ["ipfs://cid?filename=Photos"]]);
  });

  it("copies nothing when Copy was pressed twice", async () => {
    const sharing = begin();
    await settle();
    await sharing.copying.press();
    await sharing.copying.press();
    await ready();
    expect(copied).toEqual([]);
  });

  it("still copies after the sheet was closed, and tells it", async () => {
    const told = vi.fn();
    const sharing = begin(told);
    await settle();
    await sharing.copying.press();
    sharing.close();
    await ready();
    expect(copied).toHaveLength(1);
    expect(told).toHaveBeenCalledWith("Photos");
    const questions = asked.length;
    await vi.advanceTimersByTimeAsync(10_000);
    expect(asked).toHaveLength(questions);
  });

  it("asks nothing more when it was closed", async () => {
    const sharing = begin();
    await settle();
    sharing.close();
    const questions = asked.length;
    await vi.advanceTimersByTimeAsync(10_000);
    expect(asked).toHaveLength(questions);
  });

  it("begins again under the same name with other options", async () => {
    const sharing = begin();
    await settle();
    await sharing.rename(" Summer ");
    await sharing.again({ hidden: true, announce: "none" });
    expect(asked).toContainEqual(["remove", { ids: [1], delete_files: false }]);
    expect(asked).toContainEqual(["share", { paths: ["/home/mia/Photos"], name: "Summer", profile: null, hidden: true, announce: "none" }]);
    expect(sharing.id).toBe(2);
  });

  it("gives out another link under another name", async () => {
    const sharing = begin();
    await settle();
    await ready();
    await sharing.rename("Summer");
    expect(sharing.link?.link).toBe("ipfs://cid?filename=Summer");
  });

  it("says what is wrong, and can be tried again", async () => {
    problem = { code: "unreadable", message: "it can't be read", hint: null, retry: "user", subject: null, count: null, field: null };
    const sharing = begin();
    await settle();
    expect(sharing.problem?.code).toBe("unreadable");
    problem = null;
    await sharing.again({});
    expect(sharing.problem).toBeNull();
  });

  it("never takes away an item of which only the link is shown", async () => {
    item = { ...item, state: "needs-you", problem: { code: "files-gone", message: "gone", hint: null, retry: "user", subject: null, count: null, field: null } };
    const sharing = new Sharing([], 7, () => undefined);
    await settle();
    expect(sharing.problem?.code).toBe("files-gone");
    await sharing.again({ hidden: true });
    expect(names()).not.toContain("remove");
    expect(names()).not.toContain("share");
    sharing.close();
  });
});
