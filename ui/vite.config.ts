import { svelteTesting } from "@testing-library/svelte/vite";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";
import { messages } from "./messages.ts";

// The app build ("production") speaks to the engine only. "development" (npm run dev) and "mock" (the browser tests'
// build) also carry the mock that stands in for it in a plain browser.
export default defineConfig(({ mode }) => ({
  plugins: [messages(), svelte(), ...(mode === "test" ? [svelteTesting({ autoCleanup: false })] : [])],
  define: { __MOCK__: JSON.stringify(mode !== "production") },
  clearScreen: false,
  // The icon lies in the project's assets/.
  server: { strictPort: true, port: 5173, fs: { allow: [".."] } },
  build: {
    target: "es2023",
    outDir: mode === "mock" ? "dist-mock" : "dist",
    // A data: URL would need its own permission in the content security policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  test: { include: ["src/**/*.test.ts"], environment: "node" },
}));
