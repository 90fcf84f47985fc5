import { expect, it } from "vitest";
import type { ItemView } from "../api/types";
import { library } from "../api/mock/data";
import { keepUnchanged } from "./rows";

const rows = (): ItemView[] => library(30);

it("keeps the whole list when nothing changed", () => {
  const before = rows();
  expect(keepUnchanged(before, rows())).toBe(before);
});

it("changes only the rows that changed", () => {
  const before = rows();
  const now = rows().map((row, index) => (index === 2 ? { ...row, rate_up: 1 } : row));
  const kept = keepUnchanged(before, now);
  expect(kept.filter((row, index) => row !== before[index])).toEqual([now[2]]);
});

it("sees another problem behind the same state", () => {
  const before = rows();
  const at = before.findIndex((row) => row.state === "needs-you");
  const now = rows().map((row, index) => (index === at && row.state === "needs-you" ? { ...row, problem: { ...row.problem, count: 99 } } : row));
  expect(keepUnchanged(before, now)[at]).toBe(now[at]);
});

it("finds rows again that moved", () => {
  const before = rows();
  const kept = keepUnchanged(before, rows().reverse());
  expect(kept[0]).toBe(before.at(-1));
});
