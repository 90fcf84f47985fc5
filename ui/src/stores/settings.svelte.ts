// The settings as the engine has them. Theme and language take effect as soon as they are known or changed.
import { call } from "../api/client";
import type { SettingView } from "../api/types";
import { locale } from "./locale.svelte";

class Settings {
  #all = $state.raw<ReadonlyMap<string, SettingView>>(new Map());
  #system: string | null = null;
  /** Changes so far: an answer that was under way meanwhile doesn't know the last one. */
  #changes = 0;

  get loaded(): boolean {
    return this.#all.size > 0;
  }

  /** The value of a key, "" while it is not known. */
  value(key: string): string {
    return this.#all.get(key)?.value ?? "";
  }

  setting(key: string): SettingView | undefined {
    return this.#all.get(key);
  }

  async load(system: string | null = this.#system): Promise<void> {
    this.#system = system;
    const changes = this.#changes;
    const all = await call("settings", null);
    if (changes !== this.#changes) return;
    this.#all = new Map(all.map((setting) => [setting.key, setting]));
    await this.#apply();
  }

  /** Shown at once; taken back when the engine refuses, and then the `Problem` is thrown. */
  async set(key: string, value: string): Promise<void> {
    this.#changes += 1;
    const before = this.#all.get(key);
    if (before !== undefined) this.#put({ ...before, value });
    try {
      await Promise.all([call("set-setting", { key, value }), this.#apply()]);
    } catch (problem) {
      if (before !== undefined) this.#put(before);
      await this.#apply();
      throw problem;
    }
  }

  #put(setting: SettingView): void {
    this.#all = new Map(this.#all).set(setting.key, setting);
  }

  async #apply(): Promise<void> {
    const theme = this.value("theme");
    if (theme === "light" || theme === "dark") document.documentElement.dataset["theme"] = theme;
    else delete document.documentElement.dataset["theme"];
    await locale.use(this.value("language") || "auto", this.#system);
  }
}

export const settings = new Settings();
