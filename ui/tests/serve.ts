// Once for all tests: the mock's build behind a free port of this machine, and one browser.
import { chromium } from "playwright-core";
import { build, preview } from "vite";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  interface ProvidedContext {
    address: string;
    browser: string;
  }
}

export default async function serve(project: TestProject): Promise<() => Promise<void>> {
  const root = new URL("..", import.meta.url).pathname;
  await build({ root, mode: "mock", logLevel: "error" });
  const server = await preview({ root, mode: "mock", preview: { port: 0, host: "127.0.0.1" }, logLevel: "error" });
  const browser = await chromium.launchServer({ executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
  project.provide("address", server.resolvedUrls?.local[0] ?? "");
  project.provide("browser", browser.wsEndpoint());
  return async () => {
    await browser.close();
    await server.close();
  };
}
