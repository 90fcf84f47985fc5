// Where the person is: the screen, the sheet over it, the item that is open in the pane. No history: one window, three places.
import type { Hello, ItemId, ItemView } from "../api/types";

export type Screen = "library" | "network" | "settings";
export type SheetKind =
  /** With `id`: it is shared already, and its link is shown. */
  | { sheet: "share"; paths: string[]; id?: ItemId }
  | { sheet: "open"; link: string }
  | { sheet: "shortcuts" }
  | { sheet: "rename"; id: ItemId; name: string }
  | { sheet: "delete"; items: readonly ItemView[] };

/** The search field's id. */
export const SEARCH = "search";

class Ui {
  screen = $state<Screen>("library");
  /** The part of the settings that was asked for. */
  section: string | null = null;
  sheet = $state.raw<SheetKind | null>(null);
  /** The item that is open in the pane. */
  pane = $state<ItemId | null>(null);
  os = $state<Hello["platform"]>("other");
  /** Something is dragged over the window. */
  dropping = $state(false);

  get isMac(): boolean {
    return this.os === "macos";
  }

  /** `section`: the part of the settings that is to be seen. */
  go(screen: Screen, section: string | null = null): void {
    this.screen = screen;
    this.section = section;
    this.sheet = null;
  }

  toggle(id: ItemId): void {
    if (this.pane === id) this.closePane();
    else this.show(id);
  }

  openSheet(sheet: SheetKind): void {
    this.sheet = sheet;
  }

  /** The search field takes the focus; it stands on every screen. */
  focusSearch(): void {
    document.getElementById(SEARCH)?.focus();
  }

  share(paths: string[]): void {
    this.sheet = { sheet: "share", paths };
  }

  showLink(id: ItemId): void {
    this.sheet = { sheet: "share", paths: [], id };
  }

  openLink(link: string): void {
    this.sheet = { sheet: "open", link };
  }

  show(id: ItemId): void {
    this.screen = "library";
    this.pane = id;
  }

  closeSheet(): void {
    this.sheet = null;
  }

  closePane(): void {
    this.pane = null;
  }
}

export const ui = new Ui();
