// Every shortcut of the table of actions, and links that are pasted anywhere.
import { type ItemAction, appActions, isEnabled, itemActions, run } from "../lib/actions";
import { matches } from "../lib/keys";
import { library } from "../stores/library.svelte";
import { isLink } from "../lib/link";
import { selection } from "../stores/selection.svelte";
import { ui } from "../stores/ui.svelte";

const WRITABLE = "input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]";
/** What Enter, Space and letters mean something for by itself. */
const CONTROL = "button, a, input, [role=menu], [role=tab], [role=tree], [role=treegrid]";

export function pressed(event: KeyboardEvent): void {
  if (event.defaultPrevented || isSheetOpen()) return;
  const target = event.target instanceof Element ? event.target : document.body;
  const isWriting = target.closest(WRITABLE) !== null;
  if (event.key === "Escape") return escape();
  if (!isWriting && tryItems(event, target)) return event.preventDefault();
  const action = Object.values(appActions).find(({ keys }) => keys.some((key) => matches(event, key, ui.isMac)));
  if (action === undefined) return;
  // While writing, letters are letters, and Ctrl+A and Ctrl+Z belong to the text.
  const isOfText = action === appActions["select-all"] || action === appActions.undo;
  if (isWriting && (isOfText || action.keys.some((key) => !("mod" in key)))) return;
  if (action === appActions["select-all"] && ui.screen !== "library") return;
  event.preventDefault();
  action.run();
}

export function pasted(event: ClipboardEvent): void {
  const target = event.target instanceof Element ? event.target : document.body;
  if (isSheetOpen() || (target.closest(WRITABLE) !== null && target.id !== "search")) return;
  const text = event.clipboardData?.getData("text/plain") ?? "";
  if (!isLink(text)) return;
  event.preventDefault();
  ui.openLink(text.trim());
}

/** The browser's own menu only helps where there is text. */
export function menuAsked(event: MouseEvent): void {
  const isText = event.target instanceof Element && event.target.closest(`${WRITABLE}, .selectable`) !== null;
  if (!isText) event.preventDefault();
}

/** Whether a shortcut did something with the selected items. */
function tryItems(event: KeyboardEvent, target: Element): boolean {
  if (ui.screen !== "library") return false;
  if (!event.ctrlKey && !event.metaKey && target.closest(CONTROL) !== null) return false;
  if (hasSelectedText() && event.key.toLowerCase() === "c") return false;
  const pressed = Object.values<ItemAction>(itemActions).filter(({ keys }) => keys?.some((key) => matches(event, key, ui.isMac)));
  if (pressed.length === 0) return false;
  // A row that only has the focus counts as selected.
  const row = target.closest<HTMLElement>("[role=row]")?.dataset["index"];
  if (selection.size === 0 && row !== undefined) selection.only(Number(row));
  if (selection.size === 0) return false;
  const here = selection.here;
  const action = pressed.find((candidate) => (here.length === 0 && selection.isAll ? candidate.many === true : isEnabled(candidate, here)));
  if (action === undefined) return false;
  if (action.many !== true && selection.size > 1) return false;
  void selection.items().then((items) => run(action, items));
  return true;
}

function escape(): void {
  if (ui.pane !== null) ui.closePane();
  else if (selection.size > 1) selection.clear();
  else if (library.search !== "") library.setSearch("");
}

function isSheetOpen(): boolean {
  return document.querySelector("dialog[open]") !== null;
}

function hasSelectedText(): boolean {
  return (getSelection()?.toString() ?? "") !== "";
}
