// Whatever can be met: without violations that axe finds, light and dark; with words 40 % longer and still whole; and as
// wide as the window, whatever its size.
import { AxeBuilder } from "@axe-core/playwright";
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { states } from "./states";
import { NARROW, WIDE, open } from "./window";

/** What 200 % zoom leaves of the usual window. */
const ZOOMED = { width: WIDE.width / 2, height: WIDE.height / 2 };

test.for(states)("$name", async ({ query = "", reach }) => {
  const page = await open(`${query}&lang=pseudo`);
  await reach(page);
  const found = { light: await violations(page), cut: await page.evaluate(cutOff) };
  await page.evaluate(() => (document.documentElement.dataset["theme"] = "dark"));
  const dark = await violations(page, ["color-contrast"]);
  await page.setViewportSize(NARROW);
  const narrow = { cut: await page.evaluate(cutOff), wide: await page.evaluate(tooWide) };
  await page.setViewportSize(ZOOMED);
  const zoomed = { cut: await page.evaluate(cutOff), wide: await page.evaluate(tooWide) };
  expect({ ...found, dark, narrow, zoomed }).toEqual({ light: [], cut: [], dark: [], narrow: { cut: [], wide: [] }, zoomed: { cut: [], wide: [] } });
});

async function violations(page: Page, rules?: string[]): Promise<string[]> {
  const builder = new AxeBuilder({ page }).setLegacyMode();
  // Menus, messages and the drop's hint stand above everything, so in no landmark.
  const { violations: found } = await (rules ? builder.withRules(rules) : builder.disableRules(["region"])).analyze();
  return found.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.target.join(" ")}: ${node.any[0]?.message ?? node.failureSummary ?? ""}`));
}

/** Runs in the page: texts of which a part can't be seen, and that can't be read otherwise either. */
function cutOff(): string[] {
  const found: string[] = [];
  for (const element of document.querySelectorAll<HTMLElement>("body *")) {
    const hasText = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.textContent?.trim());
    if (!hasText || !element.checkVisibility({ visibilityProperty: true, opacityProperty: true }) || element.closest(".said, svg")) continue;
    const style = getComputedStyle(element);
    const isCut = style.overflowX !== "visible" && (element.scrollWidth > element.clientWidth + 1 || element.scrollHeight > element.clientHeight + 2);
    const canScroll = /auto|scroll/.test(style.overflow);
    const isMeant = element.closest("[title]") !== null;
    if (isCut && !canScroll && !isMeant) found.push(`${element.tagName}.${element.className}: ${element.textContent ?? ""}`);
    else if (style.overflowX === "visible" && isBeyond(element) && !isMeant) found.push(`${element.tagName}.${element.className} beyond its box: ${element.textContent ?? ""}`);
  }
  return found;

  /** Its text reaches over the edge of what cuts it. */
  function isBeyond(element: HTMLElement): boolean {
    const range = document.createRange();
    range.selectNodeContents(element);
    const text = range.getBoundingClientRect();
    let box: Element | null = element;
    while (box !== null && getComputedStyle(box).overflowX === "visible") box = box.parentElement;
    if (box === null) return text.right > innerWidth + 1 || text.left < -1;
    if (/auto|scroll/.test(getComputedStyle(box).overflowX) && box.scrollWidth > box.clientWidth + 1) return false;
    const edge = box.getBoundingClientRect();
    return text.right > edge.right + 1 || text.left < edge.left - 1;
  }
}

/** Runs in the page: what would have to be scrolled sideways. Code, and the narrow window's line of filters, may. */
function tooWide(): string[] {
  return [...document.querySelectorAll<HTMLElement>("html, body, body *")]
    .filter((element) => /auto|scroll/.test(getComputedStyle(element).overflowX) || element === document.documentElement)
    .filter((element) => element.scrollWidth > element.clientWidth + 1 && !element.matches("pre, .line"))
    .map((element) => `${element.tagName}.${element.className}: ${String(element.scrollWidth)} in ${String(element.clientWidth)}`);
}
