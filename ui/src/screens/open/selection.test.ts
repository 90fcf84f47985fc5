import { beforeEach, describe, expect, it } from "vitest";
import { type Listing, Selection } from "./selection";

const file = (name: string, size: number) => ({ name, kind: "file" as const, size });
const folder = (name: string, size: number) => ({ name, kind: "folder" as const, size });

let listings: Map<string, Listing>;
let selection: Selection;

beforeEach(() => {
  const top = [folder("maps", 30), folder("more", 60), file("read.me", 10)];
  listings = new Map([["", { entries: top, truncated: false }]]);
  listings.set("maps", { entries: [file("a", 10), file("b", 20)], truncated: false });
  selection = new Selection(listings);
});

describe("choosing files", () => {
  it("begins with everything, which needs no list", () => {
    expect(selection.of("")).toBe("all");
    expect(selection.of("more/unknown")).toBe("all");
    expect(selection.paths()).toEqual([]);
    expect(selection.bytes(100)).toBe(100);
  });

  it("shows a folder as partly chosen when something in it is not", () => {
    selection.set("maps/a", false);
    expect([selection.of(""), selection.of("maps"), selection.of("maps/b")]).toEqual(["some", "some", "all"]);
    expect(selection.paths()).toEqual(["maps/b", "more", "read.me"]);
    expect(selection.bytes(100)).toBe(90);
  });

  it("settles a folder whose last file goes or comes back", () => {
    selection.set("maps/a", false);
    selection.set("maps/b", false);
    expect(selection.of("maps")).toBe("none");
    selection.set("maps/a", true);
    selection.set("maps/b", true);
    expect(selection.of("")).toBe("all");
    expect(selection.paths()).toEqual([]);
  });

  it("says about everything inside what is said about a folder", () => {
    selection.set("maps/a", false);
    selection.set("maps", true);
    expect(selection.of("")).toBe("all");
    selection.set("", false);
    expect([selection.of("maps/a"), selection.of("")]).toEqual(["none", "none"]);
    expect(selection.bytes(100)).toBe(0);
  });

  it("picks one file out of nothing", () => {
    selection.set("", false);
    selection.set("maps/b", true);
    expect(selection.paths()).toEqual(["maps/b"]);
    expect(selection.bytes(100)).toBe(20);
    selection.set("maps/b", false);
    expect(selection.of("")).toBe("none");
  });

  it("holds for a folder that was never opened", () => {
    selection.set("more", false);
    expect(selection.of("more/deep/inside")).toBe("none");
    expect(selection.paths()).toEqual(["maps", "read.me"]);
    expect(selection.bytes(100)).toBe(40);
  });

  it("never takes the listed part of a long folder for all of it", () => {
    listings.set("maps", { entries: [file("a", 10)], truncated: true });
    selection.set("maps", false);
    selection.set("maps/a", true);
    expect(selection.of("maps")).toBe("some");
    expect(selection.paths()).toEqual(["maps/a", "more", "read.me"]);
  });
});
