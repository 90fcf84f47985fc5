import type { Locator, Page } from "playwright-core";
import { expect, test } from "vitest";
import { focused, isGone, isSeen, itemNamed, openLibrary, pass, row, world } from "./window";

const ALPS = "ipfs://bafybeihmf37wcuvtx4hpu7he5zl5qaf2ineo2lqlfrapokkm5zzw7zyhvm";

async function drop(page: Page, path: string): Promise<Locator> {
  await page.evaluate((dropped) => window.shoalMock?.emit("drop", { kind: "drop", paths: [dropped] }), path);
  const sheet = page.getByRole("dialog").first();
  await isSeen(sheet.getByText(/Getting it ready/));
  return sheet;
}

async function openLink(page: Page, filename: string): Promise<Locator> {
  await page.keyboard.press("Control+o");
  const sheet = page.getByRole("dialog", { name: "Open a link" });
  await sheet.getByRole("textbox", { name: "Link" }).fill(`${ALPS}?filename=${filename}`);
  return sheet;
}

test("sharing begins at once; the link, copied early, comes when it is ready, with its code", async () => {
  const page = await openLibrary();
  const sheet = await drop(page, "/home/mia/Lisbon in spring");
  await isSeen(sheet.getByText("2,184 files in 31 folders · 18.3 GB"));
  expect(await focused(page)).toMatch("Copy link");
  await page.keyboard.press("Enter");
  await isSeen(sheet.getByText("The link will be copied as soon as it is ready.").or(sheet.getByText("Copies when ready")));
  expect(await world(page, ({ copied }) => copied)).toBeNull();
  await pass(page, 20);
  await expect.poll(async () => Number(await sheet.getByRole("progressbar").getAttribute("aria-valuenow"))).toBeGreaterThan(20);
  await pass(page, 60);
  await expect.poll(() => world(page, ({ copied }) => copied)).toMatch(/^ipfs:\/\/.*Lisbon%20in%20spring/);
  await isSeen(sheet.getByRole("img", { name: /QR code with the link/ }));
  await isSeen(sheet.getByText("Ready · shared while Shoal is running"));
});

test("what was copied early is copied though the sheet was closed, and that is told", async () => {
  const page = await openLibrary();
  const sheet = await drop(page, "/home/mia/Lisbon in spring");
  await sheet.getByRole("button", { name: /Copy link/ }).click();
  await page.keyboard.press("Escape");
  await pass(page, 80);
  await isSeen(page.getByText("The link to “Lisbon in spring” is ready and copied"));
});

test("what is left out is listed, and options begin again with another link", async () => {
  const page = await openLibrary();
  const sheet = await drop(page, "/home/mia/Lisbon in spring");
  await sheet.getByRole("button", { name: "Show them" }).click();
  await isSeen(sheet.getByText("private/diary.txt"));
  await pass(page, 10);
  expect((await itemNamed(page, "Lisbon")).done).toBeGreaterThan(0);
  await sheet.getByRole("button", { name: "Sharing options" }).click();
  await sheet.getByRole("switch", { name: "Share hidden files too" }).check();
  await expect.poll(async () => (await itemNamed(page, "Lisbon")).done).toBe(0);
  expect(await world(page, ({ items }) => items.filter((item) => item.name === "Lisbon in spring").length)).toBe(1);
});

test("another name changes the link, and the link of the web is offered too", async () => {
  const page = await openLibrary();
  const sheet = await drop(page, "/home/mia/Lisbon in spring");
  await pass(page, 80);
  await isSeen(sheet.getByText("Ready · shared"));
  await sheet.getByRole("button", { name: "Change the name that others see" }).click();
  await sheet.getByLabel("Name that others see").fill("Lisbon");
  await page.keyboard.press("Enter");
  await expect.poll(() => sheet.getByRole("textbox", { name: "Link" }).inputValue()).toMatch(/filename=Lisbon$/);
  await sheet.getByRole("button", { name: "Copy web link" }).click();
  await expect.poll(() => world(page, ({ copied }) => copied)).toMatch(/^https:\/\/dweb.link/);
});

test("a bad link is told at its field, before anything is asked", async () => {
  const page = await openLibrary();
  await page.keyboard.press("Control+o");
  const sheet = page.getByRole("dialog", { name: "Open a link" });
  const field = sheet.getByRole("textbox", { name: "Link" });
  const download = sheet.getByRole("button", { name: "Download" });
  expect(await download.isDisabled()).toBe(true);
  await field.fill("https://example.org");
  await isSeen(sheet.getByText(/ordinary web address/));
  expect(await field.getAttribute("aria-invalid")).toBe("true");
  expect(await download.isDisabled()).toBe(true);
});

test("while nobody is found it says where it looks, and can be asked for all the same", async () => {
  const page = await openLibrary();
  const sheet = await openLink(page, "nobody");
  await isSeen(sheet.getByText("Looking for people who have this…"));
  await isSeen(sheet.getByText("The public directory"));
  await isSeen(sheet.getByText("Starts as soon as somebody is there"));
  expect(await sheet.getByRole("button", { name: "Download" }).isEnabled()).toBe(true);
});

test("files are chosen from the tree, and the sum follows", async () => {
  const page = await openLibrary();
  const sheet = await openLink(page, "Alps");
  await isSeen(sheet.getByText("All of it · 61.8 GB"));
  await sheet.getByRole("checkbox", { name: "Download satellite, summer" }).uncheck();
  await isSeen(sheet.getByText("23.7 GB chosen"));
  const top = sheet.getByRole("checkbox", { name: "Download Open maps of the Alps" });
  expect(await top.evaluate((box: HTMLInputElement) => box.indeterminate)).toBe(true);
  await sheet.getByRole("row", { name: "contours, 1:25,000" }).focus();
  await page.keyboard.press("ArrowRight");
  await isSeen(sheet.getByRole("row", { name: "sheet 001.tif" }));
  await top.check();
  await top.uncheck();
  await isSeen(sheet.getByText("Choose at least one file"));
  expect(await sheet.getByRole("button", { name: "Download" }).isDisabled()).toBe(true);
  await top.check();
  await sheet.getByRole("button", { name: "Download" }).click();
  await isGone(sheet);
  await isSeen(row(page, "Open maps of the Alps"));
  await isSeen(page.getByRole("article", { name: /Open maps of the Alps/ }));
});

test("what doesn't fit is told with how much is missing", async () => {
  const page = await openLibrary();
  const sheet = await openLink(page, "full");
  await isSeen(sheet.getByRole("alert").getByText(/61.8 GB don’t fit: 59.8 GB are missing/));
});

test("what is there already is shown instead", async () => {
  const page = await openLibrary();
  const sheet = await openLink(page, "have");
  await sheet.getByRole("button", { name: "Show it" }).click();
  await isGone(sheet);
  await isSeen(page.getByRole("article", { name: /Harbour at dawn/ }));
});

test("a sheet whose content shrinks keeps its size: a click meant for a button never falls beside it", async () => {
  const page = await openLibrary();
  const sheet = await openLink(page, "nobody");
  const height = async () => (await sheet.boundingBox())?.height ?? 0;
  await isSeen(sheet.locator(".looking"));
  const looking = await height();
  await sheet.getByRole("textbox", { name: "Link" }).fill(`${ALPS}?filename=file`);
  await isSeen(sheet.locator(".single"));
  expect(await height()).toBe(looking);
});
