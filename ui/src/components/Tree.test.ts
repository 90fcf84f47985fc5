// @vitest-environment happy-dom
import { cleanup, fireEvent, render, screen } from "@testing-library/svelte";
import { createRawSnippet, tick } from "svelte";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import Tree, { type TreeRow } from "./Tree.svelte";

const rows: TreeRow[] = [
  { name: "maps", depth: 0, place: 1, of: 2, open: true },
  { name: "maps/a", depth: 1, place: 1, of: 1, open: null },
  { name: "more", depth: 0, place: 2, of: 2, open: false },
];
const heard = { ontoggle: vi.fn(), onchoose: vi.fn(), onenter: vi.fn(), onmenu: vi.fn() };

beforeEach(() => {
  const row = createRawSnippet<[TreeRow, number]>((of) => ({ render: () => `<span role="gridcell">${of().name}</span>` }));
  const at = (index: number) => rows[index] as TreeRow;
  render(Tree<TreeRow>, { label: "Files", count: rows.length, at, above: (index: number) => (index === 1 ? 0 : null), row, ...heard });
});

afterEach(() => {
  cleanup();
  vi.clearAllMocks();
});

const row = (name: string) => screen.getByRole("row", { name });
const press = async (name: string, key: string) => {
  await fireEvent.keyDown(row(name), { key });
  await tick();
};

describe("a tree of files", () => {
  it("tells where each row stands", () => {
    expect(row("maps/a").getAttribute("aria-level")).toBe("2");
    expect([row("maps"), row("more"), row("maps/a")].map((one) => one.getAttribute("aria-expanded"))).toEqual(["true", "false", null]);
  });

  it("is walked with the arrows, one stop for Tab", async () => {
    row("maps").focus();
    await press("maps", "ArrowDown");
    expect(document.activeElement).toBe(row("maps/a"));
    await press("maps/a", "ArrowLeft");
    expect(document.activeElement).toBe(row("maps"));
    await press("maps", "End");
    expect(document.activeElement).toBe(row("more"));
    expect(screen.getAllByRole("row").filter((one) => one.tabIndex === 0)).toEqual([row("more")]);
  });

  it("opens and closes with Right and Left, chooses with Space, enters with Enter", async () => {
    await press("more", "ArrowRight");
    await press("maps", "ArrowLeft");
    expect(heard.ontoggle.mock.calls).toEqual([[rows[2]], [rows[0]]]);
    await press("maps/a", " ");
    expect(heard.onchoose).toHaveBeenCalledWith(rows[1]);
    await press("maps/a", "Enter");
    expect(heard.onenter).toHaveBeenCalledWith(rows[1], 1);
    await press("maps/a", "ContextMenu");
    expect(heard.onmenu).toHaveBeenCalled();
  });
});
