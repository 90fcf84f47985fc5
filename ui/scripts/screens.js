// Pictures of the window over the mock, into ui/screens/: `npm run screens`, `npm run screens -- library sheet`.
// Serves the mock's build, opens each scene in each size and theme, and waits for quiet before the shutter.
import { mkdirSync } from "node:fs";
import { chromium } from "playwright-core";
import { build, preview } from "vite";
import { scenes } from "./scenes.js";

const ui = new URL("..", import.meta.url).pathname;
const out = `${ui}screens`;
const SIZES = { wide: { width: 1180, height: 760 }, narrow: { width: 420, height: 760 } };
const THEMES = ["light", "dark"];

const wanted = process.argv.slice(2);
const chosen = scenes.filter(({ name }) => wanted.length === 0 || wanted.some((part) => name.startsWith(part)));

mkdirSync(out, { recursive: true });
await build({ root: ui, mode: "mock", logLevel: "error" });
const server = await preview({ root: ui, mode: "mock", preview: { port: 0, host: "127.0.0.1" }, logLevel: "error" });
const address = server.resolvedUrls?.local[0];
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
let wrong = 0;
try {
  for (const { name, query = "", act, sizes = Object.keys(SIZES) } of chosen) {
    for (const size of sizes) {
      for (const theme of THEMES) {
        const page = await browser.newPage({ viewport: SIZES[size], locale: "en-GB", timezoneId: "UTC", reducedMotion: "reduce" });
        page.on("pageerror", (error) => complain(name, error.message));
        page.on("console", (message) => message.type() === "error" && complain(name, message.text()));
        await page.goto(`${address}?clock=manual&theme=${theme}&${query}`);
        await page.locator("nav").waitFor();
        if (act) await act(page, size);
        await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
        await page.screenshot({ path: `${out}/${name}-${size}-${theme}.png` });
        await page.close();
      }
    }
    console.log(name);
  }
} finally {
  await browser.close();
  await server.close();
}
if (wrong > 0) process.exit(1);

function complain(scene, text) {
  wrong += 1;
  console.error(`${scene}: ${text}`);
}
