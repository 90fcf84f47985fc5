// What happens once, before the first picture, and what keeps listening afterwards.
import { call, platform } from "../api/client";
import type { Hello, Notice } from "../api/types";
import type { OpenRequest } from "../api/platform";
import { library } from "../stores/library.svelte";
import { problemText } from "./problem";
import { remarks } from "../stores/remarks.svelte";
import { removal } from "../stores/removal.svelte";
import { settings } from "../stores/settings.svelte";
import { toasts } from "../stores/toasts.svelte";
import { t } from "./i18n";
import { ui } from "../stores/ui.svelte";

/** Never fails: without the engine the window says so, and goes on asking. */
export async function start(): Promise<void> {
  await greet();
  library.onNotices(tell);
  library.setLive(true);
}

/** Learns what the engine knows about this machine and person; also later, when it was not there at first. */
export async function greet(): Promise<void> {
  try {
    const hello: Hello = await call("hello", null);
    ui.os = hello.platform;
    await settings.load(hello.locale);
    await remarks.load();
  } catch {
    // The long poll notices too, and tells it.
  }
}

/** Listens to what comes from outside the window. */
export function listen(): () => void {
  const outside = platform();
  const visibility = () => library.setLive(document.visibilityState === "visible");
  document.addEventListener("visibilitychange", visibility);
  const forget = [
    outside.on("open-request", opened),
    outside.on("focus-item", (id) => ui.show(id)),
    outside.on("visible", (visible) => {
      library.setLive(visible);
      // A hidden page may be dropped at any time.
      if (!visible) removal.settle();
    }),
    outside.on("stopping", () => {
      removal.settle();
      toasts.show(t("app.stopping"));
    }),
    outside.onDrop((drop) => {
      ui.dropping = drop.kind === "over";
      if (drop.kind === "drop" && drop.paths.length > 0) ui.share(drop.paths);
    }),
    () => document.removeEventListener("visibilitychange", visibility),
    remarks.watch(),
  ];
  void outside.pending().then((requests) => requests.forEach(opened));
  return () => forget.forEach((stop) => stop());
}

/** What a second start, a clicked link or the tray asks for. */
function opened(request: OpenRequest): void {
  if (request.link !== null) ui.openLink(request.link);
  else if (request.paths.length > 0) ui.share(request.paths);
  else if (request.action === "share") void pickAndShare("files");
  else if (request.action === "open") ui.openLink("");
}

/** Lets the person choose what to share. */
export async function pickAndShare(what: "files" | "folders"): Promise<void> {
  const paths = await platform().pick(what);
  if (paths.length > 0) ui.share(paths);
}

/** Says what finished and what needs the person; the system's notifications are the shell's. */
function tell(notices: readonly Notice[]): void {
  const finished = notices.filter(({ kind }) => kind === "finished");
  const stuck = notices.filter(({ kind }) => kind === "needs-you");
  const said = [];
  if (finished[0]) said.push(finished.length === 1 ? t("library.finished", { name: finished[0].name }) : t("library.finished-many", { count: finished.length }));
  if (stuck[0]) {
    const problem = stuck[0].problem === null ? "" : problemText(stuck[0].problem);
    said.push(stuck.length === 1 ? t("library.problem", { name: stuck[0].name, problem }) : t("library.problem-many", { count: stuck.length }));
  }
  toasts.say(said.join(". "));
}
