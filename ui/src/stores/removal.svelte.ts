// Removing with a way back: the items are paused at once, and forgotten when the way back closes.
import { call } from "../api/client";
import type { ItemId, ItemView } from "../api/types";
import { attempt } from "../lib/attempt";
import { t } from "../lib/i18n";
import { selection } from "./selection.svelte";
import { TOAST_MS, toasts } from "./toasts.svelte";
import { ui } from "./ui.svelte";

class Removal {
  #leaving = $state.raw<ReadonlySet<ItemId>>(new Set());
  /** By message: what goes when its way back closes. */
  #open = new Map<number, { ids: readonly ItemId[]; timer: ReturnType<typeof setTimeout> }>();

  /** It is on its way out; its row says so. */
  isLeaving(id: ItemId): boolean {
    return this.#leaving.has(id);
  }

  async remove(items: readonly ItemView[]): Promise<void> {
    const ids = items.map((item) => item.id).filter((id) => !this.isLeaving(id));
    const first = items[0];
    if (ids.length === 0 || first === undefined) return;
    const running = items.filter((item) => item.state !== "paused" && item.state !== "needs-you").map((item) => item.id);
    this.#leaving = new Set([...this.#leaving, ...ids]);
    selection.forget(ids);
    if (ui.pane !== null && ids.includes(ui.pane)) ui.closePane();
    if (running.length > 0 && !(await attempt(call("act", { ids: running, action: "pause" })))) return this.#stay(ids);

    const back = () => {
      this.#forget(toast);
      this.#stay(ids);
      if (running.length > 0) void attempt(call("act", { ids: running, action: "resume" }));
    };
    const toast = toasts.show(t("library.removed", { count: ids.length, name: first.name }), { action: { label: t("app.undo"), run: back } });
    this.#open.set(toast, { ids, timer: setTimeout(() => void this.#finish(toast, ids), TOAST_MS) });
  }

  /** The way back closes now: the page may not live until it closes by itself. */
  settle(): void {
    for (const [toast, { ids }] of this.#open) {
      toasts.close(toast);
      void this.#finish(toast, ids);
    }
  }

  async #finish(toast: number, ids: readonly ItemId[]): Promise<void> {
    this.#forget(toast);
    await attempt(call("remove", { ids: [...ids], delete_files: false }));
    this.#stay(ids);
  }

  #forget(toast: number): void {
    clearTimeout(this.#open.get(toast)?.timer);
    this.#open.delete(toast);
  }

  #stay(ids: readonly ItemId[]): void {
    this.#leaving = new Set([...this.#leaving].filter((id) => !ids.includes(id)));
  }
}

export const removal = new Removal();
