import { beforeEach, expect, it, vi } from "vitest";
import { connect } from "../api/client";
import { mock } from "../api/mock";
import { World } from "../api/mock/world";
import type { ItemView } from "../api/types";
import { removal } from "./removal.svelte";
import { toasts } from "./toasts.svelte";

let world: World;
let poster: ItemView;

beforeEach(() => {
  vi.useFakeTimers();
  world = new World(new URLSearchParams("items=20&clock=manual"));
  connect(mock(world));
  const found = world.items.find(({ name }) => name === "Poster A1.png");
  if (found === undefined) throw new Error("no poster");
  poster = found;
  return () => void vi.useRealTimers();
});

const isThere = () => world.items.includes(poster);

it("pauses at once, and forgets when the way back closes", async () => {
  await removal.remove([poster]);
  expect([poster.state, removal.isLeaving(poster.id), isThere()]).toEqual(["paused", true, true]);
  await vi.advanceTimersByTimeAsync(7000);
  expect([removal.isLeaving(poster.id), isThere()]).toEqual([false, false]);
});

it("brings back what ran as it was", async () => {
  await removal.remove([poster]);
  toasts.undo();
  await vi.advanceTimersByTimeAsync(7000);
  expect([poster.state, isThere()]).toEqual(["sharing", true]);
});

it("leaves paused what was paused", async () => {
  poster.state = "paused";
  await removal.remove([poster]);
  toasts.undo();
  await vi.advanceTimersByTimeAsync(7000);
  expect([poster.state, isThere()]).toEqual(["paused", true]);
});

it("does not wait when the window hides", async () => {
  await removal.remove([poster]);
  removal.settle();
  await vi.advanceTimersByTimeAsync(0);
  expect(isThere()).toBe(false);
  expect(toasts.shown.filter(({ action }) => action !== null)).toEqual([]);
});
