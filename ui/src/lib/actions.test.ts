import { beforeAll, describe, expect, it } from "vitest";
import { connect } from "../api/client";
import { mock } from "../api/mock";
import { World } from "../api/mock/world";
import type { ItemView } from "../api/types";
import { type ItemActionId, appActions, isEnabled, itemAction, itemActions, menuActions, run, waysOut } from "./actions";
import { toasts } from "../stores/toasts.svelte";

let world: World;

beforeAll(() => {
  world = new World(new URLSearchParams("items=40&clock=manual"));
  connect(mock(world));
});

function named(name: string): ItemView {
  const item = world.items.find((candidate) => candidate.name.startsWith(name));
  if (item === undefined) throw new Error(`no ${name}`);
  return item;
}

function offered(name: string): ItemActionId[] {
  return menuActions([named(name)]);
}

describe("menuActions", () => {
  it("offers what fits the state", () => {
    expect(offered("Poster A1")).toContain("pause");
    expect(offered("Poster A1")).not.toContain("resume");
    expect(offered("Holiday film")).toContain("resume");
    expect(offered("Harbour")).not.toContain("update");
    expect(offered("Harbour")).toContain("delete");
    expect(offered("Poster A1")).not.toContain("delete");
  });

  it("begins with the ways out of a problem", () => {
    expect(offered("Thesis data").slice(0, 3)).toEqual(["update", "check-again", "stop-sharing"]);
    expect(offered("Thesis data").filter((id) => id === "stop-sharing")).toHaveLength(1);
  });

  it("offers for several what can be done with several", () => {
    const ids = menuActions([named("Poster A1"), named("Holiday film")]);
    expect(ids).toEqual(expect.arrayContaining(["pause", "resume", "stop-sharing"]));
    expect(ids).not.toContain("rename");
  });
});

describe("waysOut", () => {
  it("always has a next step", () => {
    for (const item of world.items) {
      if (item.state === "needs-you") expect(waysOut(item, item.problem).length).toBeGreaterThan(0);
    }
  });

  it("does not offer to try again what never works", () => {
    const item = named("bafybei");
    expect(item.state === "needs-you" && waysOut(item, item.problem)).toEqual(["remove"]);
  });
});

describe("run", () => {
  it("does it only with those that it fits", async () => {
    const [running, paused] = [named("Rust by example"), named("Holiday film")];
    await run(itemActions.resume, [running, paused]);
    expect([running.state, paused.state]).toEqual(["sharing", "sharing"]);
  });

  it("tells a failure", async () => {
    const gone = { ...named("Rust by example"), id: 99_999 };
    expect(await run(itemActions.pause, [gone])).toBe(false);
    expect(toasts.shown.at(-1)?.tone).toBe("bad");
  });
});

describe("the table", () => {
  it("gives no shortcut to two actions that are possible at once", () => {
    const seen = new Map<string, string>();
    for (const [id, { keys }] of Object.entries(appActions)) {
      for (const key of keys) {
        const name = JSON.stringify(key);
        expect(seen.get(name), `${id} and ${seen.get(name)}`).toBeUndefined();
        seen.set(name, id);
      }
    }
    for (const item of world.items) {
      const pressed = (Object.keys(itemActions) as ItemActionId[]).filter((id) => isEnabled(itemAction(id), [item])).flatMap((id) => itemAction(id).keys ?? []);
      const names = pressed.map((key) => JSON.stringify(key));
      expect(new Set(names).size).toBe(names.length);
      for (const name of names) expect(seen.has(name)).toBe(false);
    }
  });
});
