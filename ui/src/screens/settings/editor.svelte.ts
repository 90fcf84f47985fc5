// What becomes of a change: it is saved at once, "Saved" stands for a moment, or what is wrong stands at the field.
import { asProblem } from "../../api/client";
import type { SettingView } from "../../api/types";
import { problemText } from "../../lib/problem";
import { settings } from "../../stores/settings.svelte";

/** How long "Saved" stands. ms. */
const SAVED = 2500;

export class Editor {
  #saved = $state.raw<ReadonlySet<string>>(new Set());
  #wrong = $state.raw<ReadonlyMap<string, string>>(new Map());
  #timers = new Map<string, ReturnType<typeof setTimeout>>();

  /** Undefined: this engine doesn't have the setting, and it isn't shown. */
  setting(key: string): SettingView | undefined {
    return settings.setting(key);
  }

  saved(key: string): boolean {
    return this.#saved.has(key);
  }

  wrong(key: string): string | null {
    return this.#wrong.get(key) ?? null;
  }

  /** A mistake that the screen found itself; nothing is sent. Null takes it away. */
  mistake(key: string, text: string | null): void {
    this.#wrong = changed(this.#wrong, (all) => (text === null ? all.delete(key) : all.set(key, text)));
    if (text !== null) this.#unsay(key);
  }

  async save(key: string, value: string): Promise<void> {
    this.mistake(key, null);
    if (settings.value(key) === value) return;
    try {
      await settings.set(key, value);
    } catch (error) {
      const problem = asProblem(error);
      const field = problem.field !== null && this.setting(problem.field) ? problem.field : key;
      this.mistake(field, problemText(problem));
      return;
    }
    this.#saved = new Set(this.#saved).add(key);
    clearTimeout(this.#timers.get(key));
    this.#timers.set(key, setTimeout(() => this.#unsay(key), SAVED));
  }

  #unsay(key: string): void {
    clearTimeout(this.#timers.get(key));
    const left = new Set(this.#saved);
    left.delete(key);
    this.#saved = left;
  }
}

function changed<K, V>(map: ReadonlyMap<K, V>, change: (all: Map<K, V>) => void): ReadonlyMap<K, V> {
  const copy = new Map(map);
  change(copy);
  return copy;
}

/** `upload.limit` is `SHOAL_UPLOAD_LIMIT` in the environment. */
export function variable(key: string): string {
  return `SHOAL_${key.toUpperCase().replaceAll(".", "_")}`;
}
