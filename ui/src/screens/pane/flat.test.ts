import { describe, expect, it } from "vitest";
import { attach, branch, detach, find, firstRow, locate, rows } from "./flat";

/** a (3 rows: one of them, a/x, opened with 2), b, c */
function sample() {
  const root = branch("", 0, 3);
  const a = branch("a", 1, 3);
  const x = branch("a/x", 2, 2);
  attach(a, 1, x);
  attach(root, 0, a);
  return root;
}

const seen = (root: ReturnType<typeof sample>) =>
  Array.from({ length: rows(root) }, (_, row) => {
    const spot = locate(root, row);
    return `${spot.branch.path}#${spot.place}`;
  });

describe("a tree as rows", () => {
  it("puts what is in an opened folder under it", () => {
    expect(seen(sample())).toEqual(["#0", "a#0", "a#1", "a/x#0", "a/x#1", "a#2", "#1", "#2"]);
  });

  it("closes to what it was", () => {
    const root = sample();
    detach(root, "a");
    expect(seen(root)).toEqual(["#0", "#1", "#2"]);
  });

  it("keeps opened folders in order, whichever was opened first", () => {
    const root = branch("", 0, 3);
    attach(root, 2, branch("c", 1, 1));
    attach(root, 0, branch("a", 1, 1));
    expect(seen(root)).toEqual(["#0", "a#0", "#1", "#2", "c#0"]);
  });

  it("knows where a folder's entries begin", () => {
    expect(firstRow(sample(), "a/x")).toBe(3);
    expect(firstRow(sample(), "nowhere")).toBeNull();
    expect(find(sample(), "a/x")?.total).toBe(2);
  });

  it("finds any of 100,000 rows without looking at the others", () => {
    const root = branch("", 0, 100_000);
    attach(root, 50_000, branch("m", 1, 10));
    expect(locate(root, 99_999 + 10)).toMatchObject({ place: 99_999 });
  });
});
