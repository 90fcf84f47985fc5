// Pictures of the window over the mock. `npm run screens` makes those of the README, small, into ../assets/screens;
// `npm run screens -- share open` (or `-- all`) those of all scenes whose names begin so, to look at, into screens/.
// Opens each scene in each size and theme, and waits for quiet before the shutter; an error on the page fails it.
import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { scenes } from "./scenes.js";
import { withWindow } from "./serve.js";

const SIZES = { wide: { width: 1180, height: 760 }, narrow: { width: 420, height: 760 } };
const THEMES = ["light", "dark"];
/** Enough for a calm window; a picture is a third as large with them. */
const COLOURS = "128";
/** As many as such a picture may have. */
const MOST_COLOURS = "256";

const wanted = process.argv.slice(2);
const forReadme = wanted.length === 0;
const chosen = scenes.filter(({ name, readme }) => (forReadme ? readme : wanted.some((part) => part === "all" || name.startsWith(part))));
const out = new URL(forReadme ? "../../assets/screens" : "../screens", import.meta.url).pathname;
let wrong = 0;

mkdirSync(out, { recursive: true });
await withWindow(async (browser, address) => {
  for (const scene of chosen) {
    const sizes = (forReadme ? scene.readme : scene.sizes) ?? Object.keys(SIZES);
    for (const size of sizes) for (const theme of THEMES) await photograph(browser, address, scene, size, theme);
    console.log(scene.name);
  }
});
if (wrong > 0) process.exit(1);

async function photograph(browser, address, { name, query = "", photo = false, act }, size, theme) {
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
  const path = `${out}/${name}-${size}-${theme}.png`;
  await page.screenshot({ path, caret: "hide" });
  await page.close();
  if (forReadme) shrink(path, photo);
}

/** With ImageMagick. */
function shrink(path, hasShades) {
  execFileSync("convert", [path, "-strip", hasShades ? "-dither" : "+dither", ...(hasShades ? ["FloydSteinberg"] : []), "-colors", hasShades ? MOST_COLOURS : COLOURS, "-define", "png:compression-level=9", `PNG8:${path}`]);
}

function complain(scene, text) {
  wrong += 1;
  console.error(`${scene}: ${text}`);
}
