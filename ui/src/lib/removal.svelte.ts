// Removing with a way back: the items are paused at once, and forgotten when the way back closes.
import { call } from "../api/client";
import type { ItemId, ItemView } from "../api/types";
import { attempt } from "./attempt";
import { t } from "./i18n";
import { selection } from "./selection.svelte";
import { TOAST_MS, toasts } from "./toasts.svelte";
import { ui } from "./ui.svelte";

class Removal {
  #leaving = $state.raw<ReadonlySet<ItemId>>(new Set());

  /** It is on its way out; its row says so. */
  isLeaving(id: ItemId): boolean {
    return this.#leaving.has(id);
  }

  async remove(items: readonly ItemView[]): Promise<void> {
    const ids = items.map((item) => item.id).filter((id) => !this.isLeaving(id));
    const first = items[0];
    if (ids.length === 0 || first === undefined) return;
    const running = items.filter((item) => item.state !== "paused" && item.state !== "needsyou").map((item) => item.id);
    this.#leaving = new Set([...this.#leaving, ...ids]);
    selection.forget(ids);
    if (ui.pane !== null && ids.includes(ui.pane)) ui.closePane();
    if (running.length > 0 && !(await attempt(call("act", { ids: running, action: "pause" })))) return this.#stay(ids);

    const finish = setTimeout(() => void this.#finish(ids), TOAST_MS);
    const back = () => {
      clearTimeout(finish);
      this.#stay(ids);
      if (running.length > 0) void attempt(call("act", { ids: running, action: "resume" }));
    };
    toasts.show(t("library.removed", { count: ids.length, name: first.name }), { action: { label: t("app.undo"), run: back } });
  }

  async #finish(ids: readonly ItemId[]): Promise<void> {
    await attempt(call("remove", { ids: [...ids], delete_files: false }));
    this.#stay(ids);
  }

  #stay(ids: readonly ItemId[]): void {
    this.#leaving = new Set([...this.#leaving].filter((id) => !ids.includes(id)));
  }
}

export const removal = new Removal();
