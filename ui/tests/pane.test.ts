import type { Locator, Page } from "playwright-core";
import { expect, test } from "vitest";
import { focused, isGone, isSeen, itemNamed, openLibrary, row } from "./window";

async function openPane(page: Page, name: string): Promise<Locator> {
  await row(page, name).click();
  const pane = page.getByRole("article", { name: new RegExp(name) });
  await isSeen(pane);
  return pane;
}

test("a click opens an item, Escape closes it, and the arrow keys lead on to the next", async () => {
  const page = await openLibrary();
  const pane = await openPane(page, "Family photos");
  await isSeen(pane.getByText("Shared · 2 people are fetching it"));
  await page.keyboard.press("ArrowDown");
  await isSeen(page.getByRole("article", { name: /Thesis data/ }));
  await page.keyboard.press("Escape");
  await isGone(page.getByRole("article"));
  await page.keyboard.press("i");
  await isSeen(page.getByRole("article", { name: /Thesis data/ }));
});

test("its tabs are walked with arrows", async () => {
  const page = await openLibrary();
  const pane = await openPane(page, "Harbour at dawn");
  await pane.getByRole("tab", { name: "Files" }).focus();
  await page.keyboard.press("ArrowRight");
  expect(await focused(page)).toBe("People");
  await isSeen(pane.getByText("Connected directly · has all of it"));
  await page.keyboard.press("ArrowRight");
  await isSeen(pane.getByRole("img", { name: /of 4,960 blocks are here, 20 on the way/ }));
  await isSeen(pane.getByText("CID", { exact: true }));
});

test("files are left out and put first", async () => {
  const page = await openLibrary();
  const pane = await openPane(page, "debian-12 mirror");
  const file = pane.getByRole("row", { name: "trails.gpkg" });
  await file.getByRole("checkbox").uncheck();
  await isSeen(file.getByText(/left out/));
  const cover = pane.getByRole("row", { name: "cover.jpg" });
  await cover.click({ button: "right" });
  await page.getByRole("menuitem", { name: "Download first" }).click();
  await isSeen(cover.getByText(/comes first/));
  const folder = pane.getByRole("row", { name: "extras" }).first();
  await folder.focus();
  await page.keyboard.press("ArrowRight");
  await expect.poll(() => folder.getAttribute("aria-expanded")).toBe("true");
});

test("a folder of 100,000 files only draws what is seen", async () => {
  const page = await openLibrary();
  const pane = await openPane(page, "Family photos");
  await pane.getByRole("row", { name: "many" }).focus();
  await page.keyboard.press("ArrowRight");
  await isSeen(pane.getByRole("row", { name: "IMG_100000.jpg" }));
  const tree = pane.getByRole("treegrid");
  await expect.poll(() => tree.getAttribute("aria-rowcount")).toBe("100013");
  await tree.evaluate((element) => (element.scrollTop = element.scrollHeight / 2));
  await isSeen(pane.getByRole("row", { name: /IMG_1(4|5)\d{4}.jpg/ }));
  expect(await pane.getByRole("row").count()).toBeLessThan(40);
});

test("a picture and a text are shown, one after the other, and Escape leads back", async () => {
  const page = await openLibrary();
  const pane = await openPane(page, "Family photos");
  await pane.getByRole("row", { name: "cover.jpg" }).dblclick();
  const picture = page.getByRole("dialog", { name: "Preview of cover.jpg" });
  await isSeen(picture.getByRole("img", { name: "cover.jpg" }));
  await page.keyboard.press("ArrowLeft");
  const text = page.getByRole("dialog", { name: "Preview of README.txt" });
  await isSeen(text.getByText("Contours, trails and pictures, free to use."));
  await isSeen(text.getByText(/Größe, 地図, ελληνικά/));
  await page.keyboard.press("Escape");
  await isGone(text);
  await isSeen(pane);
});

test("what can't be shown says so and offers a way", async () => {
  const page = await openLibrary();
  const pane = await openPane(page, "Family photos");
  await pane.getByRole("row", { name: "intro.mp4" }).dblclick();
  const dialog = page.getByRole("dialog", { name: "Preview of intro.mp4" });
  await isSeen(dialog.getByRole("heading", { name: "This could not be shown" }));
  expect(await dialog.getByRole("button", { name: "Open with another program" }).count()).toBeGreaterThan(0);
});

test("a problem stands with its ways out, and pausing is one button", async () => {
  const page = await openLibrary();
  const pane = await openPane(page, "Thesis data");
  await isSeen(pane.getByText(/3 files.* changed/));
  await pane.getByRole("button", { name: "Check again" }).click();
  await expect.poll(async () => (await itemNamed(page, "Thesis data")).state).toBe("verifying");
  const other = await openPane(page, "field-recordings");
  await other.getByRole("button", { name: "Pause" }).click();
  await isSeen(other.getByText(/^Paused · 2\d% is here/));
  await other.getByRole("button", { name: "Resume" }).click();
  await expect.poll(async () => (await itemNamed(page, "field-recordings")).state).toBe("downloading");
});

test("in a narrow window the item takes the whole of it, with a way back", async () => {
  const page = await openLibrary("", { viewport: { width: 420, height: 760 } });
  const pane = await openPane(page, "Family photos");
  const box = await pane.boundingBox();
  expect(box?.width).toBe(420);
  await pane.getByRole("button", { name: "Back to the library" }).click();
  await isGone(pane);
});
