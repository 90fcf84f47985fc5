// The mock's build behind a local address, and a browser to open it with: what screens.js and speed.js stand on.
import { chromium } from "playwright-core";
import { build, preview } from "vite";

const root = new URL("..", import.meta.url).pathname;

/** Builds, serves and opens; `use(browser, address)` may then do what it wants. */
export async function withWindow(use) {
  await build({ root, mode: "mock", logLevel: "error" });
  const server = await preview({ root, mode: "mock", preview: { port: 0, host: "127.0.0.1" }, logLevel: "error" });
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
  try {
    await use(browser, server.resolvedUrls?.local[0]);
  } finally {
    await browser.close();
    await server.close();
  }
}
