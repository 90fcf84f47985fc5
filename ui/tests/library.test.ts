import { expect, test } from "vitest";
import { HARBOUR, focused, isGone, isSeen, itemNamed, names, open, openLibrary, paste, row, world } from "./window";

const ALPS = "ipfs://bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi";

test("filters show their items, and say how many there are", async () => {
  const page = await openLibrary();
  const nav = page.getByRole("navigation");
  await nav.getByRole("button", { name: /^Needs you 12/ }).click();
  await isSeen(row(page, "Thesis data"));
  await isGone(row(page, HARBOUR));
  await nav.getByRole("button", { name: /^Downloading/ }).click();
  await isSeen(row(page, HARBOUR));
  await isGone(row(page, "Thesis data"));
  expect(await nav.getByRole("button", { name: /^Downloading/ }).getAttribute("aria-current")).toBe("page");
});

test("search narrows the list, says when nothing matches, and is cleared", async () => {
  const page = await openLibrary();
  const search = page.getByRole("textbox", { name: /Search/ });
  await search.fill("rust by");
  await expect.poll(() => names(page)).toEqual(["Rust by example"]);
  await search.fill("nothing like this");
  await isSeen(page.getByText("No match for “nothing like this”"));
  await page.getByRole("main").getByRole("button", { name: "Clear the search" }).click();
  await isSeen(row(page, HARBOUR));
  expect(await search.inputValue()).toBe("");
});

test("the list is sorted by name and by size", async () => {
  const page = await openLibrary();
  await page.getByRole("button", { name: "Sort" }).click();
  await page.getByRole("menuitem", { name: "Largest first" }).click();
  await expect.poll(async () => (await names(page))[0]).toBe("Old laptop backup");
  await page.getByRole("button", { name: "Sort" }).click();
  await page.getByRole("menuitem", { name: "By name" }).click();
  await expect.poll(async () => (await names(page))[0]).toMatch(/^Archive/);
});

test("the keyboard walks the grid, of which Tab reaches one row", async () => {
  const page = await openLibrary();
  await page.getByRole("textbox", { name: /Search/ }).focus();
  await page.keyboard.press("ArrowDown");
  expect(await focused(page)).toMatch(HARBOUR);
  await page.keyboard.press("ArrowDown");
  expect(await focused(page)).toBe("field-recordings-2026.zip");
  await page.keyboard.press("End");
  await expect.poll(() => page.evaluate(() => document.activeElement?.getAttribute("aria-rowindex"))).toBe("1000");
  await page.keyboard.press("Home");
  await expect.poll(() => focused(page)).toMatch(HARBOUR);
  expect(await page.locator("[role=row][tabindex='0']").count()).toBe(1);
  await page.keyboard.press("ArrowRight");
  expect(await focused(page)).toBe(`What to do with Harbour at dawn, director’s cut.mkv`);
  await page.keyboard.press("ArrowLeft");
  expect(await focused(page)).toMatch(HARBOUR);
});

test("several rows are chosen with Ctrl, Shift and Ctrl+A, and paused together", async () => {
  const page = await openLibrary();
  await row(page, HARBOUR).click();
  await row(page, "Family photos").click({ modifiers: ["Shift"] });
  await expect.poll(() => page.locator("[role=row][aria-selected=true]").count()).toBe(3);
  await row(page, "field-recordings").click({ modifiers: ["Control"] });
  await expect.poll(() => page.locator("[role=row][aria-selected=true]").count()).toBe(2);
  await page.keyboard.press("Space");
  await expect.poll(async () => (await itemNamed(page, "Family photos")).state).toBe("paused");
  expect((await itemNamed(page, HARBOUR)).state).toBe("paused");
  expect((await itemNamed(page, "field-recordings")).state).toBe("downloading");
  await page.keyboard.press("Control+a");
  await expect.poll(() => page.locator("[role=grid] [role=row]:not([aria-selected=true])").count()).toBe(0);
});

test("a row's menu opens by mouse and by key, walks with arrows, and gives the focus back", async () => {
  const page = await openLibrary();
  await row(page, "Family photos").click({ button: "right" });
  const menu = page.getByRole("menu");
  await isSeen(menu);
  await isSeen(menu.getByRole("menuitem", { name: "Stop sharing" }));
  await page.keyboard.press("Escape");
  await isGone(menu);
  await page.keyboard.press("Home");
  await page.keyboard.press("Shift+F10");
  await isSeen(menu);
  await page.keyboard.press("End");
  expect(await focused(page)).toMatch("Delete the files");
  await page.keyboard.press("Home");
  await page.keyboard.press("c");
  expect(await focused(page)).toMatch("Copy link");
  await page.keyboard.press("Enter");
  await isSeen(page.getByText("Link copied"));
  expect(await world(page, ({ copied }) => copied)).toMatch(/^ipfs:\/\//);
  expect(await focused(page)).toMatch(HARBOUR);
});

test("a problem's row offers its ways out, and they work", async () => {
  const page = await openLibrary("");
  const thesis = row(page, "Thesis data");
  expect(await thesis.textContent()).toMatch("3 files changed since you shared them");
  await thesis.getByRole("button", { name: "Update" }).click();
  await expect.poll(async () => (await itemNamed(page, "Thesis data")).state).toBe("hashing");
  await isSeen(thesis.getByText(/Getting it ready/));
  await row(page, "Satellite mosaic").getByRole("button", { name: "Try again" }).click();
  await expect.poll(async () => (await itemNamed(page, "Satellite mosaic")).state).toBe("downloading");
  await page.keyboard.press("4");
  await row(page, "Podcast").getByRole("button", { name: "Other folder…" }).click();
  await expect.poll(async () => (await itemNamed(page, "Podcast")).path).toBe("/home/mia/Pictures/Family photos, summer");
});

test("what was removed comes back with Undo, and goes when the time is over", async () => {
  const page = await openLibrary();
  await page.clock.install();
  await row(page, "Family photos").click();
  await page.keyboard.press("Delete");
  await isSeen(page.getByText("Family photos, summer is removed from the list"));
  await expect.poll(async () => (await itemNamed(page, "Family photos")).state).toBe("paused");
  await page.getByRole("button", { name: "Undo" }).click();
  await expect.poll(async () => (await itemNamed(page, "Family photos")).state).toBe("sharing");
  await page.clock.runFor(7_000);
  await itemNamed(page, "Family photos");

  await row(page, "Family photos").click();
  await page.keyboard.press("Delete");
  await isSeen(page.getByRole("button", { name: "Undo" }));
  await page.clock.runFor(7_000);
  await expect.poll(() => world(page, ({ items }) => items.some((item) => item.name.startsWith("Family photos")))).toBe(false);
});

test("deleting files asks first", async () => {
  const page = await openLibrary();
  await row(page, HARBOUR).click();
  await page.keyboard.press("Shift+Delete");
  const dialog = page.getByRole("dialog", { name: /Delete Harbour at dawn/ });
  await isSeen(dialog.getByText(/deleted from the disk for good: 3.2 GB/));
  await dialog.getByRole("button", { name: "Cancel" }).click();
  await isGone(dialog);
  await itemNamed(page, HARBOUR);
  await page.keyboard.press("Shift+Delete");
  await dialog.getByRole("button", { name: "Delete the files" }).click();
  await isGone(row(page, HARBOUR));
});

test("renaming gives others another name", async () => {
  const page = await openLibrary();
  await row(page, "Poster A1").click();
  await page.keyboard.press("F2");
  await page.getByLabel("Name that others see").fill("Poster for spring.png");
  await page.keyboard.press("Enter");
  await isSeen(row(page, "Poster for spring.png"));
});

test("files dragged over the window can be dropped anywhere", async () => {
  const page = await openLibrary();
  await page.keyboard.press("5");
  await world(page, (mock) => mock.emit("drop", { kind: "over" }));
  await isSeen(page.getByText("Drop to share"));
  await world(page, (mock) => mock.emit("drop", { kind: "leave" }));
  await isGone(page.getByText("Drop to share"));
  await world(page, (mock) => mock.emit("drop", { kind: "over" }));
  await world(page, (mock) => mock.emit("drop", { kind: "drop", paths: ["/home/mia/Harvest"] }));
  await isGone(page.getByText("Drop to share"));
  await isSeen(page.getByRole("dialog", { name: "Harvest" }));
});

test("a pasted link opens, other text does not, and text pasted into the search is searched", async () => {
  const page = await openLibrary();
  await paste(page, "just some words");
  expect(await page.getByRole("dialog").count()).toBe(0);
  await paste(page, ` ${ALPS} `);
  const dialog = page.getByRole("dialog", { name: "Open a link" });
  await isSeen(dialog);
  expect(await dialog.getByRole("textbox", { name: "Link" }).inputValue()).toBe(ALPS);
  await page.keyboard.press("Escape");
  await page.getByRole("textbox", { name: /Search/ }).focus();
  await paste(page, ALPS);
  await isSeen(dialog);
});

test("an empty library says what to do first", async () => {
  const page = await open("state=empty");
  const main = page.getByRole("main");
  await isSeen(main.getByRole("heading", { name: "Drop files here to share them" }));
  await main.getByRole("button", { name: "Share a folder" }).click();
  await isSeen(page.getByRole("dialog", { name: "Family photos, summer" }));
  await page.keyboard.press("Escape");
  await isSeen(row(page, "Family photos, summer"));
});

test("an empty filter says so, and what leads there", async () => {
  const page = await open("items=1");
  await isSeen(row(page, HARBOUR));
  await page.keyboard.press("4");
  await isSeen(page.getByRole("heading", { name: "Nothing needs you" }));
});

test("an engine that doesn't answer is told, and forgotten when it does", async () => {
  const page = await open("state=lost");
  await isSeen(page.getByRole("heading", { name: "Shoal stopped before it answered" }));
  await world(page, (mock) => (mock.lost = false));
  await isSeen(row(page, HARBOUR));
});

test("an engine that is lost later leaves the list as it was", async () => {
  const page = await openLibrary();
  await page.evaluate(() => {
    const mock = window.shoalMock;
    if (mock) mock.lost = true;
    mock?.bump();
  });
  await isSeen(page.getByRole("alert").getByText("Shoal’s engine doesn’t answer"));
  await isSeen(row(page, HARBOUR));
});

test("when everything is paused, one button resumes it", async () => {
  const page = await open("state=paused");
  await isSeen(page.getByText("Everything is paused"));
  await page.getByRole("button", { name: "Resume" }).click();
  await expect.poll(() => world(page, ({ paused }) => paused)).toBe(false);
  await isGone(page.getByText("Everything is paused"));
});

test("what finished and what needs somebody is said, and nothing else", async () => {
  const page = await openLibrary();
  const said = page.locator("[role=status][aria-live=polite]");
  expect(await said.textContent()).toBe("");
  await page.evaluate(() => {
    const mock = window.shoalMock;
    const item = mock?.items[0];
    if (item) mock.notice("finished", item);
  });
  await expect.poll(() => said.textContent()).toBe("Harbour at dawn, director’s cut.mkv is here");
});

test("a bar says how far it is", async () => {
  const page = await openLibrary();
  const bar = row(page, HARBOUR).getByRole("progressbar");
  expect(await bar.getAttribute("aria-label")).toMatch(HARBOUR);
  expect(Number(await bar.getAttribute("aria-valuenow"))).toBeCloseTo(61.5, 0);
});

test("a name is text, whatever it looks like", async () => {
  const page = await openLibrary();
  const name = `<img src="x" onerror="document.title = 'taken over'"><b>bold</b>`;
  await row(page, "Poster A1").click();
  await page.keyboard.press("F2");
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("textbox").fill(name);
  await page.keyboard.press("Enter");
  await isSeen(row(page, name));
  await isSeen(page.getByRole("article").getByText(name, { exact: true }).first());
  expect(await page.locator("img[src=x], [role=row] b, [role=article] b").count()).toBe(0);
  expect(await page.title()).not.toContain("taken over");
});
