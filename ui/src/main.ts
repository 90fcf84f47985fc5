// Starts the window: connects the engine (or, in a plain browser, the mock), learns the settings, shows the app.
import { mount } from "svelte";
import App from "./App.svelte";
import { connect } from "./api/client";
import type { Platform } from "./api/platform";
import { start } from "./lib/start";
import "./styles/tokens.css";
import "./styles/base.css";

/**
 * How long the first picture waits for the settings (ms), so that language and theme don't change before the person's
 * eyes. An engine that takes longer, as with a very large library, is waited for in the window.
 */
const GREETING_MS = 300;

async function platform(): Promise<Platform> {
  if (__MOCK__ && !("__TAURI_INTERNALS__" in window)) return (await import("./api/mock")).fromAddress(location.search);
  return (await import("./api/tauri")).tauri;
}

const target = document.getElementById("app");
if (target === null) throw new Error("the page has no #app");
connect(await platform());
await Promise.race([start(), new Promise((resolve) => setTimeout(resolve, GREETING_MS))]);
mount(App, { target });
