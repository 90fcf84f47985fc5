import { expect, test } from "vitest";
import { focused, isGone, isSeen, itemNamed, open, openLibrary, row, world } from "./window";

test("the network says how others get here, and who is connected", async () => {
  const page = await open();
  await page.keyboard.press("5");
  const main = page.getByRole("main");
  await isSeen(main.getByRole("heading", { name: "Others can reach you", exact: true }));
  expect(await main.getByRole("list", { name: /Ways to reach you/ }).getByRole("listitem").count()).toBe(4);
  const table = main.getByRole("table", { name: "People connected now" });
  await main.getByRole("textbox", { name: /Find/ }).fill("kubo");
  await expect.poll(async () => (await table.getByRole("row").allTextContents()).slice(1).every((text) => text.includes("Kubo"))).toBe(true);
  const answers = table.getByRole("columnheader", { name: /Answers in/ });
  await answers.getByRole("button").click();
  await expect.poll(() => answers.getAttribute("aria-sort")).toMatch(/ascending|descending/);
});

test("a setting is saved when it is changed, and a wrong one is told at its field", async () => {
  const page = await open();
  await page.keyboard.press("Control+,");
  await page.getByRole("switch", { name: "Start when you log in" }).check();
  await expect.poll(() => world(page, ({ settings }) => settings.get("autostart"))).toBe("on");
  await isSeen(page.getByText("Saved", { exact: true }));
  const port = page.getByRole("textbox", { name: "Port" });
  await port.fill("80");
  await port.press("Enter");
  await isSeen(page.getByRole("alert").getByText(/whole number from/));
  expect(await port.getAttribute("aria-invalid")).toBe("true");
  expect(await world(page, ({ settings }) => settings.get("listen"))).toBeUndefined();
  await port.fill("48000");
  await port.press("Enter");
  await isGone(page.getByRole("alert").getByText(/whole number from/));
  await expect.poll(() => world(page, ({ settings }) => settings.get("listen"))).toMatch(/tcp\/48000/);
});

test("limits by the clock are said in a sentence", async () => {
  const page = await open();
  await page.keyboard.press("Control+,");
  await page.getByRole("switch", { name: "Other limits at set times" }).check();
  await isSeen(page.getByText(/Every day from .* the next morning/));
  await page.getByRole("button", { name: "Sunday" }).click();
  await isSeen(page.getByText(/Monday to Saturday/));
  const from = page.getByRole("textbox", { name: "From" });
  await from.fill("late");
  await from.press("Enter");
  await isSeen(page.getByRole("alert").getByText(/Type a time/));
});

test("what was given at the start can't be changed, and says why", async () => {
  const page = await open("locked=upload.limit");
  await page.keyboard.press("Control+,");
  await isSeen(page.getByText(/Given by SHOAL_UPLOAD_LIMIT/));
  expect(await page.getByRole("switch", { name: "Limit uploads", exact: true }).isDisabled()).toBe(true);
});

test("the first run tells what sharing means, once", async () => {
  const page = await open("state=first");
  const welcome = page.getByRole("dialog", { name: "Welcome to Shoal" });
  await isSeen(welcome.getByText(/A link is the key/));
  expect(await focused(page)).toBe("Start");
  await page.keyboard.press("Enter");
  await isGone(welcome);
  await isSeen(page.getByRole("heading", { name: "Drop files here to share them" }));
  expect(await world(page, ({ settings }) => settings.get("welcomed"))).toBe("on");
});

test("the list of shortcuts holds what works, and each works", async () => {
  const page = await openLibrary();
  await page.keyboard.press("?");
  const list = page.getByRole("dialog", { name: "Keyboard shortcuts" });
  for (const action of ["Share files", "Share a folder", "Open a link", "Search", "Undo", "Select everything", "Pause, Resume", "Rename…", "Copy link"]) {
    await isSeen(list.getByText(action, { exact: true }));
  }
  await page.keyboard.press("Escape");
  await isGone(list);

  const dialog = page.getByRole("dialog").first();
  for (const key of ["Control+n", "Control+Shift+n", "Control+o"]) {
    await page.keyboard.press(key);
    await isSeen(dialog);
    await page.keyboard.press("Escape");
    await isGone(dialog);
  }
  await page.keyboard.press("Control+f");
  expect(await focused(page)).toMatch(/^Search/);
  await page.keyboard.press("ArrowDown");
  for (const [key, seen] of [["2", /^Sharing/], ["3", /^Downloading/], ["4", /^Needs you/], ["5", /^Network/], ["Control+,", /^Settings/], ["1", /^Library/]] as const) {
    await page.keyboard.press(key);
    await expect.poll(() => page.locator("nav [aria-current=page]").textContent().then((text) => text?.trim())).toMatch(seen);
  }
  await row(page, "field-recordings").click();
  await page.keyboard.press("i");
  await isGone(page.getByRole("article"));
  await page.keyboard.press("Enter");
  await isSeen(page.getByRole("article", { name: /field-recordings/ }));
  await page.keyboard.press("Space");
  await expect.poll(async () => (await itemNamed(page, "field-recordings")).state).toBe("paused");
  await page.keyboard.press("Space");
  await expect.poll(async () => (await itemNamed(page, "field-recordings")).state).toBe("downloading");
  await page.keyboard.press("Control+c");
  await expect.poll(() => world(page, ({ copied }) => copied)).toMatch(/^ipfs:/);
  await page.keyboard.press("Delete");
  await isSeen(page.getByRole("button", { name: "Undo" }));
  await page.keyboard.press("Control+z");
  await isGone(page.getByRole("button", { name: "Undo" }));
  await expect.poll(async () => (await itemNamed(page, "field-recordings")).state).toBe("downloading");
});

test("in a text field, letters stay letters", async () => {
  const page = await openLibrary();
  await page.keyboard.press("Control+f");
  await page.keyboard.type("4?i");
  expect(await page.locator("#search").inputValue()).toBe("4?i");
  expect(await page.getByRole("dialog").count()).toBe(0);
});

test.for([
  ["de", "Dateien teilen", "Einstellungen", /6 von 9/],
  ["es", "Compartir archivos", "Ajustes", /6 de 9/],
  ["zh", "分享文件", "设置", /6/],
] as const)("it speaks %s, and changes at once", async ([language, share, settings, sentence]) => {
  const page = await openLibrary();
  await page.keyboard.press("Control+,");
  await page.locator("main select").first().selectOption(language);
  await isSeen(page.getByRole("button", { name: share }));
  expect(await page.locator("html").getAttribute("lang")).toMatch(language);
  await isSeen(page.getByRole("navigation").getByRole("button", { name: settings }));
  await page.keyboard.press("1");
  expect(await row(page, "Harbour at dawn").locator(".sentence").textContent()).toMatch(sentence);
});

test("the appearance follows the system until it is chosen", async () => {
  const page = await open("theme=auto", { colorScheme: "dark" });
  const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const dark = await background();
  await page.emulateMedia({ colorScheme: "light" });
  expect(await background()).not.toBe(dark);
  await page.keyboard.press("Control+,");
  await page.getByRole("radio", { name: "Dark" }).check();
  await expect.poll(background).toBe(dark);
});

test("nothing moves for those who asked for that", async () => {
  const page = await openLibrary();
  await page.keyboard.press("Control+o");
  await isSeen(page.getByRole("dialog"));
  expect(await page.evaluate(() => document.getAnimations().length)).toBe(0);
});

test("while the window is hidden nothing is asked", async () => {
  const page = await openLibrary();
  await world(page, (mock) => mock.emit("visible", false));
  const asked = await page.evaluate(async () => {
    const mock = window.shoalMock;
    if (mock === undefined) return -1;
    let calls = 0;
    const answer = mock.library.bind(mock);
    mock.library = (request) => {
      calls += 1;
      return answer(request);
    };
    for (let step = 0; step < 3; step += 1) {
      mock.tick(500);
      await new Promise((resolve) => setTimeout(resolve, 350));
    }
    return calls;
  });
  expect(asked).toBe(0);
});
