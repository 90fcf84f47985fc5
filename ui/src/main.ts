// Starts the window: connects the engine (or, in a plain browser, the mock), learns the settings, shows the app.
import { mount } from "svelte";
import App from "./App.svelte";
import { connect } from "./api/client";
import type { Platform } from "./api/platform";
import { start } from "./lib/start";
import "./styles/tokens.css";
import "./styles/base.css";

async function platform(): Promise<Platform> {
  if (__MOCK__ && !("__TAURI_INTERNALS__" in window)) return (await import("./api/mock")).fromAddress(location.search);
  return (await import("./api/tauri")).tauri;
}

const target = document.getElementById("app");
if (target === null) throw new Error("the page has no #app");
connect(await platform());
await start();
mount(App, { target });
