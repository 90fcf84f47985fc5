// The tree's rows over a folder of 100,000 files, of which only what is looked at is read.
import { beforeEach, describe, expect, it } from "vitest";
import { connect } from "../../api/client";
import type { Platform } from "../../api/platform";
import type { Calls, FilesRequest, FileView } from "../../api/types";
import { Files } from "./files.svelte";

const MANY = 100_000;
let asked: FilesRequest[];
let said: [string, unknown][];
let extra: number;
let unknown: boolean;

const file = (path: string, more: Partial<FileView> = {}): FileView => ({
  name: path.slice(path.lastIndexOf("/") + 1), path, kind: "file", size: 10, done: 0, files: 1, chosen: "all", priority: "normal", state: "ok", ...more,
});

beforeEach(() => {
  asked = [];
  said = [];
  extra = 0;
  unknown = false;
  const call = (name: keyof Calls, argument: FilesRequest) => {
    if (name !== "files") {
      said.push([name, argument]);
      return Promise.resolve(null);
    }
    asked.push(argument);
    const { dir, offset, limit } = argument;
    if (unknown) return Promise.resolve({ total: 0, entries: [] });
    if (dir === "many") {
      const length = Math.min(limit, MANY - offset);
      return Promise.resolve({ total: MANY, entries: Array.from({ length }, (_, at) => file(`many/${offset + at}`)) });
    }
    const all = [file("many", { kind: "folder", files: MANY }), file("a.txt"), ...Array.from({ length: extra }, (_, at) => file(`b${at}`))];
    return Promise.resolve({ total: all.length, entries: all.slice(offset, offset + limit) });
  };
  connect({ call } as unknown as Platform);
});

const settle = () => new Promise((resolve) => setTimeout(resolve));
const names = (files: Files, first: number, last: number) => Array.from({ length: last - first + 1 }, (_, at) => files.at(first + at).file?.name ?? null);

async function opened(): Promise<Files> {
  const files = new Files(1);
  await settle();
  await files.toggle("many");
  return files;
}

describe("the files of an item", () => {
  it("shows a folder's files under it, and the rest behind them", async () => {
    const files = await opened();
    expect(files.count).toBe(MANY + 2);
    expect(names(files, 0, 2)).toEqual(["many", "0", "1"]);
    expect(names(files, MANY + 1, MANY + 1)).toEqual(["a.txt"]);
    expect([files.parentRow(5), files.parentRow(0)]).toEqual([0, null]);
  });

  it("appear when a download learns of them", async () => {
    unknown = true;
    const files = new Files(1);
    await settle();
    expect([files.loaded, files.count]).toEqual([true, 0]);
    unknown = false;
    await files.refresh();
    expect(names(files, 0, 1)).toEqual(["many", "a.txt"]);
  });

  it("reads a page when it comes into sight", async () => {
    const files = await opened();
    expect(names(files, 70_000, 70_000)).toEqual([null]);
    files.see(70_000, 70_020);
    await settle();
    expect(names(files, 70_000, 70_000)).toEqual(["69999"]);
    expect(asked.length).toBeLessThan(6);
  });

  it("closes, and opens again", async () => {
    const files = await opened();
    await files.toggle("many");
    expect(files.count).toBe(2);
    await files.toggle("many");
    expect(files.count).toBe(MANY + 2);
  });

  it("takes over what came to be meanwhile", async () => {
    const files = await opened();
    files.see(0, 20);
    extra = 3;
    await files.toggle("many");
    files.see(0, 1);
    await files.refresh();
    expect(names(files, 0, files.count - 1)).toEqual(["many", "a.txt", "b0", "b1", "b2"]);
  });

  it("shows a choice at once, for everything inside too", async () => {
    const files = await opened();
    const done = files.choose(["many"], false);
    expect([files.at(0).file?.chosen, files.at(1).file?.chosen]).toEqual(["none", "none"]);
    await done;
    expect(said).toEqual([["select", { id: 1, paths: ["many"], chosen: false }]]);
  });

  it("knows which files stand beside one", async () => {
    const files = await opened();
    expect(files.neighbours("a.txt").map(({ name }) => name)).toEqual(["a.txt"]);
    expect(files.neighbours("many/3")).toHaveLength(100);
  });
});
