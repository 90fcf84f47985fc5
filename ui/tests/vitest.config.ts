import { defineConfig } from "vitest/config";

// The window over the mock, in Debian's Chromium: `npm run test:browser`.
export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ["*.test.ts"],
    environment: "node",
    globalSetup: "./serve.ts",
    // One browser for all: more than two at once only get into each other's way.
    maxWorkers: 2,
    testTimeout: 60_000,
    expect: { poll: { timeout: 15_000, interval: 25 } },
  },
});
