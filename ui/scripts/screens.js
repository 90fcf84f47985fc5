// Pictures of the window over the mock, into ui/screens/: `npm run screens`, `npm run screens -- library sheet`.
// Opens each scene in each size and theme, and waits for quiet before the shutter; an error on the page fails it.
import { mkdirSync } from "node:fs";
import { scenes } from "./scenes.js";
import { withWindow } from "./serve.js";

const out = new URL("../screens", import.meta.url).pathname;
const SIZES = { wide: { width: 1180, height: 760 }, narrow: { width: 420, height: 760 } };
const THEMES = ["light", "dark"];

const wanted = process.argv.slice(2);
const chosen = scenes.filter(({ name }) => wanted.length === 0 || wanted.some((part) => name.startsWith(part)));
let wrong = 0;

mkdirSync(out, { recursive: true });
await withWindow(async (browser, address) => {
  for (const scene of chosen) {
    for (const size of scene.sizes ?? Object.keys(SIZES)) for (const theme of THEMES) await photograph(browser, address, scene, size, theme);
    console.log(scene.name);
  }
});
if (wrong > 0) process.exit(1);

async function photograph(browser, address, { name, query = "", act }, size, theme) {
  const page = await browser.newPage({ viewport: SIZES[size], locale: "en-GB", timezoneId: "UTC", reducedMotion: "reduce" });
  page.on("pageerror", (error) => complain(name, error.message));
  page.on("console", (message) => message.type() === "error" && complain(name, message.text()));
  try {
    await page.goto(`${address}?clock=manual&theme=${theme}&${query}`);
    await page.locator("nav").waitFor();
    await act?.(page, size);
    await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
  } catch (error) {
    complain(`${name} ${size} ${theme}`, error.message);
  }
  await page.screenshot({ path: `${out}/${name}-${size}-${theme}.png` });
  await page.close();
}

function complain(scene, text) {
  wrong += 1;
  console.error(`${scene}: ${text}`);
}
