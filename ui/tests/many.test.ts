import { expect, test } from "vitest";
import { openLibrary } from "./window";

/** Rows in sight, and a few more above and below. */
const MOST_ROWS = 40;

test("100,000 items scroll without blank rows, and only what is seen exists", async () => {
  const page = await openLibrary("items=100000");
  const list = page.locator("[role=grid]");
  expect(await list.getAttribute("aria-rowcount")).toBe("100000");
  for (const part of [0.5, 0.99, 0.01, 0.3331, 1, 0]) {
    await list.evaluate((element, to) => (element.scrollTop = element.scrollHeight * to), part);
    await expect.poll(() => list.evaluate(blank)).toBe(0);
    expect(await list.evaluate((element, to) => Math.abs(element.scrollTop - (element.scrollHeight - element.clientHeight) * to), part)).toBeLessThan(1_000);
    expect(await page.locator("[role=grid] [role=row]").count()).toBeLessThan(MOST_ROWS);
  }
  expect(await page.evaluate(() => document.querySelectorAll("*").length)).toBeLessThan(1_500);
});

test("while scrolling fast, the rows that come last are the ones that are seen", async () => {
  const page = await openLibrary("items=100000");
  const list = page.locator("[role=grid]");
  await list.evaluate(async (element) => {
    for (let step = 1; step <= 60; step += 1) {
      element.scrollTop = step * 9_000;
      await new Promise(requestAnimationFrame);
    }
  });
  await expect.poll(() => list.evaluate(blank)).toBe(0);
  const first = await list.evaluate((element) => {
    const rows = [...element.querySelectorAll<HTMLElement>("[role=row]")];
    const top = element.getBoundingClientRect().top;
    return rows.find((row) => row.getBoundingClientRect().bottom > top)?.dataset["index"];
  });
  expect(Number(first)).toBe(Math.floor((60 * 9_000) / 68));
});

test("rows that did not change are not drawn again while others move", async () => {
  const page = await openLibrary();
  const changed = await page.evaluate(async () => {
    const rows = new Set<string>();
    const watch = new MutationObserver((changes) => {
      for (const { target } of changes) {
        const element = target instanceof Element ? target : target.parentElement;
        const row = element?.closest<HTMLElement>("[role=row]");
        if (row) rows.add(row.querySelector(".name")?.textContent ?? "");
      }
    });
    const list = document.querySelector("[role=grid]");
    if (list) watch.observe(list, { subtree: true, childList: true, characterData: true, attributes: true });
    for (let step = 0; step < 4; step += 1) {
      window.shoalMock?.tick(500);
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    return [...rows];
  });
  expect(changed).toContain("field-recordings-2026.zip");
  expect(changed).not.toContain("Lease agreement.pdf");
  expect(changed).not.toContain("Thesis data");
  expect(changed).not.toContain("debian-12 mirror");
});

/** Runs in the page: how many rows' places in sight are empty or still skeletons. */
function blank(list: Element): number {
  const box = list.getBoundingClientRect();
  let empty = 0;
  for (let y = box.top + 4; y < box.bottom - 4; y += 34) {
    const row = document.elementFromPoint(box.left + 120, y)?.closest("[role=row]");
    if (!row?.querySelector(".name")?.textContent) empty += 1;
  }
  return empty;
}
