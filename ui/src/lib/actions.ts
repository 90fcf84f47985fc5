// THE table of what can be done: buttons, menus, shortcuts and the list of shortcuts are all made from it.
import { call, platform } from "../api/client";
import type { Action as EngineAction, Filter, ItemView, Problem } from "../api/types";
import type { IconName } from "../components/icons";
import { attempt } from "./attempt";
import { type Key, t } from "./i18n";
import type { Shortcut } from "./keys";
import { library } from "../stores/library.svelte";
import { removal } from "../stores/removal.svelte";
import { selection } from "../stores/selection.svelte";
import { pickAndShare } from "./start";
import { toasts } from "../stores/toasts.svelte";
import { ui } from "../stores/ui.svelte";

interface Named {
  label: Key;
  /** Where there is little room: on a row. */
  short?: Key;
  icon?: IconName;
  keys?: readonly Shortcut[];
}

export interface AppAction extends Named {
  run: () => void;
}

export interface ItemAction extends Named {
  /** Makes sense for several at once. */
  many?: boolean;
  danger?: boolean;
  /** A line stands above it in menus. */
  apart?: boolean;
  /** Not in menus: it stands on the row of a problem, or is a shortcut for others. */
  hidden?: boolean;
  enabled: (item: ItemView) => boolean;
  run: (items: readonly ItemView[]) => unknown;
}

const isWhole = (item: ItemView) => item.total > 0 && item.done >= item.total;
const isRunning = (item: ItemView) => item.state !== "paused" && item.state !== "needs-you";
const always = () => true;

function engine(action: EngineAction): ItemAction["run"] {
  return (items) => call("act", { ids: items.map((item) => item.id), action });
}

export const appActions = {
  share: { label: "app.share-files", icon: "up", keys: [{ key: "n", mod: true }], run: () => void attempt(pickAndShare("files")) },
  "share-folder": { label: "app.share-folder", icon: "folder", keys: [{ key: "n", mod: true, shift: true }], run: () => void attempt(pickAndShare("folders")) },
  "open-link": { label: "app.open-link", icon: "link", keys: [{ key: "o", mod: true }], run: () => ui.openLink("") },
  search: { label: "app.search-short", icon: "search", keys: [{ key: "f", mod: true }], run: () => ui.focusSearch() },
  "select-all": { label: "app.select-all", keys: [{ key: "a", mod: true }], run: () => selection.all() },
  undo: { label: "app.undo", keys: [{ key: "z", mod: true }], run: () => toasts.undo() },
  "filter-all": { label: "app.library", keys: [{ key: "1" }], run: () => filter("all") },
  "filter-sharing": { label: "library.sharing", keys: [{ key: "2" }], run: () => filter("sharing") },
  "filter-downloading": { label: "library.downloading", keys: [{ key: "3" }], run: () => filter("downloading") },
  "filter-needs-you": { label: "library.needs-you", keys: [{ key: "4" }], run: () => filter("needs-you") },
  network: { label: "app.network", icon: "network", keys: [{ key: "5" }], run: () => ui.go("network") },
  settings: { label: "app.settings", icon: "settings", keys: [{ key: ",", mod: true }], run: () => ui.go("settings") },
  shortcuts: { label: "app.shortcuts", icon: "keyboard", keys: [{ key: "?" }], run: () => ui.openSheet({ sheet: "shortcuts" }) },
} as const satisfies Record<string, AppAction>;

export const itemActions = {
  open: {
    label: "library.act.open",
    icon: "open",
    keys: [{ key: "Enter" }],
    enabled: always,
    // What is not whole can't be opened; its pane shows what is there.
    run: ([item]) => (item === undefined ? undefined : isWhole(item) && item.path !== null ? platform().open(item.id, null) : ui.show(item.id)),
  },
  reveal: { label: "library.act.reveal", icon: "reveal", enabled: (item) => item.path !== null, run: ([item]) => item && platform().reveal(item.id, null) },
  "copy-link": { label: "library.act.copy-link", icon: "link", keys: [{ key: "c", mod: true }], enabled: (item) => item.cid !== null, run: ([item]) => item && copyLink(item) },
  "show-link": { label: "share.show-link", icon: "qr", enabled: (item) => item.cid !== null || item.state === "hashing", run: ([item]) => item && ui.showLink(item.id) },
  details: { label: "library.act.details", icon: "info", keys: [{ key: "i" }], enabled: always, run: ([item]) => item && ui.toggle(item.id) },
  pause: { label: "library.act.pause", icon: "pause", keys: [{ key: " " }], many: true, apart: true, enabled: isRunning, run: engine("pause") },
  resume: { label: "library.act.resume", icon: "play", keys: [{ key: " " }], many: true, enabled: (item) => item.state === "paused", run: engine("resume") },
  verify: { label: "library.act.verify", icon: "check", many: true, enabled: (item) => item.done > 0 && item.state !== "hashing" && item.state !== "verifying", run: engine("verify") },
  update: { label: "library.act.update", icon: "refresh", many: true, enabled: (item) => item.kind === "share" && item.state !== "hashing", run: engine("update") },
  rename: { label: "library.act.rename", icon: "edit", keys: [{ key: "F2" }], enabled: always, run: ([item]) => item && ui.openSheet({ sheet: "rename", id: item.id, name: item.name }) },
  again: { label: "library.act.again", hidden: true, many: true, enabled: (item) => item.state === "needs-you", run: engine("resume") },
  "check-again": { label: "library.act.check-again", hidden: true, many: true, enabled: (item) => item.state === "needs-you", run: engine("verify") },
  restore: { label: "library.act.restore", hidden: true, many: true, enabled: (item) => item.state === "needs-you", run: engine("resume") },
  unfold: { label: "library.act.unfold", hidden: true, many: true, enabled: (item) => item.state === "needs-you", run: engine("resume") },
  locate: { label: "library.act.locate", icon: "search", hidden: true, enabled: (item) => item.state === "needs-you", run: ([item]) => item && relocate(item, item.folder ? "folder" : "files") },
  "choose-folder": { label: "library.act.choose-folder", short: "library.act.choose-folder-short", icon: "folder", hidden: true, enabled: (item) => item.state === "needs-you", run: ([item]) => item && relocate(item, "folder") },
  "stop-sharing": { label: "library.act.stop-sharing", icon: "stop", many: true, apart: true, enabled: (item) => item.kind === "share", run: (items) => removal.remove(items) },
  remove: { label: "library.act.remove", short: "library.act.remove-short", icon: "close", many: true, apart: true, enabled: (item) => item.kind === "download", run: (items) => removal.remove(items) },
  "remove-any": { label: "library.act.remove", keys: [{ key: "Delete" }], hidden: true, many: true, enabled: always, run: (items) => removal.remove(items) },
  delete: {
    label: "library.act.delete",
    icon: "trash",
    keys: [{ key: "Delete", shift: true }],
    many: true,
    danger: true,
    enabled: (item) => item.kind === "download",
    run: (items) => ui.openSheet({ sheet: "delete", items }),
  },
} as const satisfies Record<string, ItemAction>;

export type AppActionId = keyof typeof appActions;
export type ItemActionId = keyof typeof itemActions;

export function itemAction(id: ItemActionId): ItemAction {
  return itemActions[id];
}

/** Whether it can be done with them: with one of several is enough, it is then done with that one. */
export function isEnabled(action: ItemAction, items: readonly ItemView[]): boolean {
  if (items.length === 0 || (items.length > 1 && action.many !== true)) return false;
  return items.some((item) => action.enabled(item));
}

/** Does it with those of them with which it can be done; a failure is told. */
export async function run(action: ItemAction, items: readonly ItemView[]): Promise<boolean> {
  const able = items.filter((item) => action.enabled(item));
  return able.length === 0 || attempt(Promise.resolve().then(() => action.run(able)));
}

/** What stands in the menu of these items, in order. */
export function menuActions(items: readonly ItemView[]): ItemActionId[] {
  const ids = Object.keys(itemActions) as ItemActionId[];
  const ways = items.length === 1 && items[0]?.state === "needs-you" ? waysOut(items[0], items[0].problem) : [];
  const usual = ids.filter((id) => itemAction(id).hidden !== true && !ways.includes(id) && isEnabled(itemAction(id), items));
  return [...ways, ...usual];
}

/** By problem: the ways out, the best first. */
const WAYS: Record<string, { share: readonly ItemActionId[]; download: readonly ItemActionId[] }> = {
  "files-changed": { share: ["update", "check-again", "stop-sharing"], download: ["restore", "check-again", "remove"] },
  "finished-since": { share: ["update", "stop-sharing"], download: [] },
  "files-missing": { share: ["locate", "update", "stop-sharing"], download: ["restore", "locate", "remove"] },
  "folder-gone": { share: ["locate", "stop-sharing"], download: ["choose-folder", "again", "remove"] },
  "folder-replaced": { share: ["locate", "stop-sharing"], download: ["choose-folder", "again", "remove"] },
  "disk-missing": { share: ["again", "locate", "stop-sharing"], download: ["again", "locate", "remove"] },
  "files-unreadable": { share: ["again", "stop-sharing"], download: ["again", "remove"] },
  "no-space": { share: ["again", "stop-sharing"], download: ["again", "choose-folder", "remove"] },
  "no-permission": { share: ["again", "stop-sharing"], download: ["choose-folder", "again", "remove"] },
  "file-too-large": { share: ["stop-sharing"], download: ["choose-folder", "remove"] },
  unfolds: { share: [], download: ["remove", "unfold"] },
  unreadable: { share: ["again", "locate", "stop-sharing"], download: ["again", "locate", "remove"] },
};

export function waysOut(item: ItemView, problem: Problem): readonly ItemActionId[] {
  const known = WAYS[problem.code]?.[item.kind];
  if (known !== undefined) return known;
  const out: ItemActionId = item.kind === "share" ? "stop-sharing" : "remove";
  return problem.retry === "never" ? [out] : ["again", out];
}

function filter(to: Filter): void {
  ui.go("library");
  selection.clear();
  library.setFilter(to);
}

export async function copyLink(item: ItemView): Promise<void> {
  const { link } = await call("link", { id: item.id });
  await platform().copy(link);
  toasts.show(t("library.link-copied"));
}

async function relocate(item: ItemView, what: "files" | "folder"): Promise<void> {
  const [path] = await platform().pick(what);
  if (path !== undefined) await call("relocate", { id: item.id, path });
}
