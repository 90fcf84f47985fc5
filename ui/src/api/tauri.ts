// The platform inside the real window: Tauri commands and events.
import { invoke } from "@tauri-apps/api/core";
import { TauriEvent, listen } from "@tauri-apps/api/event";
import type { Events, Forget, OpenRequest, Platform } from "./platform";

/** Chromium on Windows only loads custom schemes as http://<scheme>.localhost. */
const PREVIEW = navigator.userAgent.includes("Windows") ? "http://preview.localhost" : "preview://localhost";

export const tauri: Platform = {
  call: (name, argument) => invoke("call", { request: { call: name, with: argument } }),
  pending: () => invoke<OpenRequest[]>("pending"),
  pick: (what) => invoke<string[]>("pick", { what }),
  saveText: (name, text) => invoke<boolean>("save_text", { name, text }),
  copy: (text) => invoke("copy", { text }),
  open: (id, path) => invoke("open", { id, path }),
  reveal: (id, path) => invoke("reveal", { id, path }),
  quit: () => invoke("quit"),
  previewUrl: (id, path) => `${PREVIEW}/${id}/${path.split("/").map(encodeURIComponent).join("/")}`,
  play: (id, path) => invoke<string>("play", { id, path }),
  playEnd: () => invoke("play_end"),
  on: (event, listener) => later(listen<Events[typeof event]>(event, ({ payload }) => listener(payload))),
  onDrop: (listener) => {
    // What `getCurrentWebview().onDragDropEvent` hears, without the module behind it (3 KB). The drop itself comes from the shell,
    // which knows names that are no text.
    const forget = [
      listen(TauriEvent.DRAG_ENTER, () => listener({ kind: "over" })),
      listen(TauriEvent.DRAG_LEAVE, () => listener({ kind: "leave" })),
      listen<{ paths: string[] }>("dropped", ({ payload }) => listener({ kind: "drop", paths: payload.paths })),
    ].map(later);
    return () => forget.forEach((stop) => stop());
  },
};

/** Tauri hands out the way to stop listening a moment later. */
function later(subscribed: Promise<Forget>): Forget {
  return () => void subscribed.then((forget) => forget());
}
