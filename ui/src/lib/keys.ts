// Keyboard shortcuts: how they are written in the table of actions, recognised, and shown.
import { t } from "./i18n";

export interface Shortcut {
  /** As `KeyboardEvent.key` gives it, letters in lower case. */
  key: string;
  /** Ctrl, or ⌘ on a Mac. */
  mod?: boolean;
  shift?: boolean;
}

type Pressed = Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "shiftKey" | "altKey">;

export function matches(event: Pressed, shortcut: Shortcut, isMac: boolean): boolean {
  const mod = isMac ? event.metaKey : event.ctrlKey;
  const other = isMac ? event.ctrlKey : event.metaKey;
  if (event.altKey || other || mod !== (shortcut.mod ?? false)) return false;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (key !== shortcut.key) return false;
  // Of characters, the one that came out counts: where "?" lies, and whether it takes Shift, is the keyboard's.
  return isLetterOrNamed(shortcut.key) ? event.shiftKey === (shortcut.shift ?? false) : true;
}

function isLetterOrNamed(key: string): boolean {
  return key.length > 1 || /[a-z]/.test(key);
}

const SYMBOLS: Record<string, string> = { ArrowUp: "↑", ArrowDown: "↓", ArrowLeft: "←", ArrowRight: "→" };

export function shown(shortcut: Shortcut, isMac: boolean): string {
  const keys = [];
  if (shortcut.mod) keys.push(isMac ? "⌘" : t("app.key.ctrl"));
  if (shortcut.shift) keys.push(isMac ? "⇧" : t("app.key.shift"));
  keys.push(named(shortcut.key));
  return keys.join(isMac ? "" : "+");
}

function named(key: string): string {
  switch (key) {
    case " ":
      return t("app.key.space");
    case "Enter":
      return t("app.key.enter");
    case "Delete":
      return t("app.key.delete");
    case "Escape":
      return t("app.key.escape");
    default:
      return SYMBOLS[key] ?? (key.length === 1 ? key.toUpperCase() : key);
  }
}
