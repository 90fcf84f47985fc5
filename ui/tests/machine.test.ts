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

test("whether others get here is tested, with the public service only when it is chosen for that test", async () => {
  const page = await open();
  await page.keyboard.press("5");
  const main = page.getByRole("main");
  const service = main.getByRole("checkbox", { name: "Ask the public checking service too" });
  expect(await service.isChecked()).toBe(false);
  await main.getByRole("button", { name: "Test now" }).click();
  await isSeen(main.getByRole("progressbar", { name: "Can others reach me?" }));
  await isSeen(main.getByRole("heading", { name: "Yes, others get through to you" }));
  const tried = main.getByRole("list", { name: "What was tried" }).getByRole("listitem");
  expect((await tried.allTextContents()).map((text) => /TCP|QUIC/.exec(text)?.[0])).toEqual(["TCP", "QUIC"]);
  await service.check();
  await main.getByRole("button", { name: "Test again" }).click();
  await isSeen(main.getByText("The public service got through"));
  expect(await service.isChecked()).toBe(false);
});

test("for each way that isn't there, the network says why and what to do", async () => {
  for (const [state, why, next] of [
    ["double-nat", /stands behind another router/, /port 47811 .* outer router/],
    ["cgnat", /shares one address/, /public address of your own/],
    ["refused", /FRITZ!Box 7590 doesn’t open ports/, /Switch on “UPnP”/],
    ["no-router", /No router that opens ports/, /forward port 47811/],
    ["symmetric", /another door/, /Forward port 47811/],
    ["firewall", /firewall keeps them out/, /through the firewall/],
  ] as const) {
    const page = await open(`state=${state}`);
    await page.keyboard.press("5");
    const ways = page.getByRole("list", { name: /Ways to reach you/ });
    await isSeen(ways.getByText(why));
    await isSeen(ways.getByText(next));
    await page.close();
  }
});

test("who is reached only through a relay is told that by the test", async () => {
  const page = await open("state=closed");
  await page.keyboard.press("5");
  await page.getByRole("button", { name: "Test now" }).click();
  await isSeen(page.getByRole("status").getByText("Only through a relay"));
});

test("a test that fails says why, and what to do", async () => {
  const page = await open("check=fails");
  await page.keyboard.press("5");
  await page.getByRole("button", { name: "Test now" }).click();
  await isSeen(page.getByRole("heading", { name: "The test didn’t work" }));
  await isSeen(page.getByText("This needs the network"));
});

test("people are trusted and blocked by the keyboard, and let in again", async () => {
  const page = await open();
  await page.keyboard.press("5");
  const table = page.getByRole("table", { name: "People connected now" });
  const person = table.getByRole("row").nth(1);
  const peer = (await person.locator("small").first().getAttribute("title")) ?? "";
  await person.getByRole("button", { name: /^Actions for/ }).focus();
  await page.keyboard.press("Enter");
  expect(await focused(page)).toBe("Trust");
  await page.keyboard.press("Enter");
  await isSeen(person.getByText("Trusted", { exact: true }));
  expect(await world(page, ({ settings }) => settings.get("peers.trusted"))).toBe(peer);
  expect(await focused(page)).toMatch(/^Actions for/);
  await page.keyboard.press("Enter");
  await page.keyboard.press("End");
  await page.keyboard.press("Enter");
  await isGone(table.locator(`[title="${peer}"]`));
  expect(await world(page, ({ settings }) => [settings.get("peers.trusted"), settings.get("peers.blocked")])).toEqual(["none", peer]);
  await page.getByRole("button", { name: "Undo" }).last().click();
  await isSeen(table.locator(`[title="${peer}"]`));
});

test("who is kept away is shown until when, and is let back in", async () => {
  const [banned, blocked] = ["12D3KooWRelayJqz4fT7RkQ7RkQ7RkQ7RkQ7RkQ7RkQ7RkQ7RkQ7", "12D3KooWQYV9dGMFoRzNStwpXztXaBUjtPqi6aU76ZgUriHhnP2c"];
  const page = await open(`banned=${banned}&peers.blocked=${blocked}`);
  await page.keyboard.press("5");
  const away = page.locator("main section").filter({ has: page.getByRole("heading", { name: "Kept away" }) });
  await isSeen(away.getByText(/Broke the rules of the exchange; until \d\d:\d\d/));
  await isSeen(away.getByText("Blocked by you, until you let them back in"));
  await away.getByRole("button", { name: "Let 12D3…RkQ7 back in" }).click();
  await isGone(away.locator(`[title="${banned}"]`));
  await away.getByRole("button", { name: "Let 12D3…nP2c back in" }).click();
  await isGone(away);
  expect(await world(page, ({ settings }) => settings.get("peers.blocked"))).toBe("none");
  // By another process.
  await world(page, (mock) => mock.settings.set("peers.blocked", "12D3KooWQYV9dGMFoRzNStwpXztXaBUjtPqi6aU76ZgUriHhnP2c"));
  await isSeen(away.getByText("Blocked by you, until you let them back in"));
});

test("what the start found is told until it was read", async () => {
  const page = await open("remark=settings-lost");
  const told = page.getByRole("region", { name: "What Shoal found when it started" });
  await isSeen(told.getByText(/what could not be read has its default/));
  await isSeen(told.getByText(/settings\.old-1\.json/));
  await told.getByRole("button", { name: "Close" }).click();
  await isGone(told);
  await page.reload();
  await isSeen(page.getByRole("navigation").first());
  expect(await told.count()).toBe(0);
});

test("lists in the settings take entries and give them up", async () => {
  const page = await open();
  await page.keyboard.press("Control+,");
  const fold = page.getByRole("button", { name: /^Blocked networks/ });
  expect(await fold.textContent()).toMatch("None");
  await fold.focus();
  await page.keyboard.press("Enter");
  const field = page.getByRole("textbox", { name: "Add to “Blocked networks”" });
  await field.fill("everybody");
  await field.press("Enter");
  await isSeen(page.getByRole("alert").getByText(/Type an address such as/));
  await field.fill("192.0.2.0/99");
  await field.press("Enter");
  await isSeen(page.getByRole("alert").getByText("That value can’t be used here"));
  expect(await field.inputValue()).toBe("192.0.2.0/99");
  await field.fill("192.0.2.0/24");
  await field.press("Enter");
  await expect.poll(() => world(page, ({ settings }) => settings.get("networks.blocked"))).toBe("192.0.2.0/24");
  expect(await fold.textContent()).toMatch("1 entry");
  await page.getByRole("button", { name: "Remove 192.0.2.0/24" }).click();
  await expect.poll(() => world(page, ({ settings }) => settings.get("networks.blocked"))).toBe("none");
  expect(await focused(page)).toBe("Add to “Blocked networks”");
  await fold.click();
  await isGone(field);
  const routers = page.getByRole("switch", { name: "Ask web services who has what" });
  await routers.uncheck();
  await expect.poll(() => world(page, ({ settings }) => settings.get("http.routers"))).toBe("none");
  await routers.check();
  await expect.poll(() => world(page, ({ settings }) => settings.get("http.routers"))).toBe("https://delegated-ipfs.dev");
});

test("a key makes the network private, and is hidden until it is to be seen", async () => {
  const page = await open();
  await page.keyboard.press("Control+,");
  await page.getByRole("button", { name: "Enter a key…" }).click();
  const field = page.getByRole("textbox", { name: "Key of the private network" });
  await field.fill("1234");
  await field.press("Enter");
  await isSeen(page.getByRole("alert").getByText(/A key has 64 signs/));
  const key = "0f".repeat(32);
  await field.fill(`/key/swarm/psk/1.0.0/ /base16/ ${key}`);
  await field.press("Enter");
  await expect.poll(() => world(page, ({ settings }) => settings.get("network.key"))).toBe(key);
  expect(await page.getByText(key).count()).toBe(0);
  await expect.poll(() => focused(page)).toBe("Show the key");
  await page.getByRole("button", { name: "Show the key" }).click();
  await isSeen(page.getByText(key));
  await page.locator("#network").getByRole("button", { name: "Remove", exact: true }).click();
  await expect.poll(() => world(page, ({ settings }) => settings.get("network.key"))).toBe("none");
  await expect.poll(() => focused(page)).toBe("Enter a key…");
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
  const from = page.getByRole("textbox", { name: "From", exact: true });
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
