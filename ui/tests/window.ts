// A window over the mock for each test, closed after it. An error that the page reports fails the test.
import { type Browser, type BrowserContextOptions, type Locator, type Page, chromium } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, inject } from "vitest";
import type { World } from "../src/api/mock/world";
import type { ItemView } from "../src/api/types";

export const WIDE = { width: 1180, height: 760 };
export const NARROW = { width: 420, height: 760 };

/** How long anything may take to show (ms): on a busy machine too. */
const PATIENCE_MS = 15_000;

let browser: Browser;
const errors: string[] = [];

beforeAll(async () => {
  browser = await chromium.connect(inject("browser"));
});

afterAll(() => browser.close());

afterEach(async () => {
  await Promise.all(browser.contexts().map((context) => context.close()));
  expect(errors.splice(0)).toEqual([]);
});

/** The window of that query, in English and light unless said; time stands still unless `clock=` says otherwise. */
export async function open(query = "", options: BrowserContextOptions = {}): Promise<Page> {
  const context = await browser.newContext({ viewport: WIDE, locale: "en-GB", timezoneId: "UTC", reducedMotion: "reduce", ...options });
  context.setDefaultTimeout(PATIENCE_MS);
  const page = await context.newPage();
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
  // What the test says last counts.
  const asked = new URLSearchParams("clock=manual&theme=light&lang=en");
  new URLSearchParams(query).forEach((value, key) => asked.set(key, value));
  await page.goto(`${inject("address")}?${asked.toString()}`);
  await page.locator("nav").first().waitFor();
  return page;
}

/** The library with its first rows. */
export async function openLibrary(query = "", options: BrowserContextOptions = {}): Promise<Page> {
  const page = await open(query, options);
  await row(page, HARBOUR).waitFor();
  return page;
}

export const HARBOUR = "Harbour at dawn";

export function row(page: Page, name: string): Locator {
  return page.locator("[role=grid] [role=row]").filter({ hasText: name }).first();
}

export function names(page: Page): Promise<string[]> {
  return page.locator("[role=grid] [role=row] .name").allTextContents();
}

/** What the mock did, or is to do. */
export function world<T>(page: Page, use: (world: World) => T): Promise<T> {
  return page.evaluate(`(${use.toString()})(window.shoalMock)`);
}

/** The mock's item of that name. */
export async function itemNamed(page: Page, name: string): Promise<ItemView> {
  const items = await world(page, ({ items }) => items.slice(0, 40));
  const found = items.find((item) => item.name.includes(name));
  if (found === undefined) throw new Error(`no item ${name}`);
  return found;
}

/** Lets the mock's clock go on by so many steps of half a second. */
export async function pass(page: Page, steps: number): Promise<void> {
  await page.evaluate((count) => {
    for (let step = 0; step < count; step += 1) window.shoalMock?.tick(500);
  }, steps);
}

export async function paste(page: Page, text: string): Promise<void> {
  await page.evaluate((pasted) => {
    const data = new DataTransfer();
    data.setData("text/plain", pasted);
    document.activeElement?.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
  }, text);
}

export async function isSeen(locator: Locator): Promise<void> {
  await locator.first().waitFor({ state: "visible" });
}

export async function isGone(locator: Locator): Promise<void> {
  await locator.first().waitFor({ state: "hidden" });
}

/** The text of what has the focus. */
export function focused(page: Page): Promise<string> {
  return page.evaluate(() => {
    const element = document.activeElement;
    return element?.getAttribute("aria-label") ?? element?.querySelector(".name")?.textContent ?? element?.textContent?.trim() ?? "";
  });
}
