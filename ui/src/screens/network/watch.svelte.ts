// Asks for the network, its people and who is kept out once a second, while the screen is shown and the window visible.
import { asProblem, call, platform } from "../../api/client";
import type { BannedView, NetworkView, PersonView, Problem } from "../../api/types";
import { settings } from "../../stores/settings.svelte";

/** Time between an answer and the next question. ms. */
const PAUSE = 1000;

export class Watch {
  network = $state.raw<NetworkView | null>(null);
  people = $state.raw<readonly PersonView[]>([]);
  /** Who is kept away for a while. */
  banned = $state.raw<readonly BannedView[]>([]);
  /** Why the last question got no answer; what was known before stays shown. */
  problem = $state.raw<Problem | null>(null);
  #visible = !document.hidden;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #asking = false;
  #ended = false;

  /** Begins; what it returns ends it. */
  start(): () => void {
    const forget = platform().on("visible", (visible) => this.#show(visible));
    const changed = () => this.#show(!document.hidden);
    document.addEventListener("visibilitychange", changed);
    void this.ask();
    return () => {
      this.#ended = true;
      forget();
      document.removeEventListener("visibilitychange", changed);
      clearTimeout(this.#timer);
    };
  }

  async ask(): Promise<void> {
    clearTimeout(this.#timer);
    if (this.#asking || this.#ended || !this.#visible) return;
    this.#asking = true;
    try {
      // Whom the person keeps out is a setting, and another process may have changed it.
      const [network, people, banned] = await Promise.all([call("network", null), call("people", { id: null }), call("banned", null), settings.load()]);
      this.network = network;
      this.people = people;
      this.banned = banned;
      this.problem = null;
    } catch (error) {
      this.problem = asProblem(error);
    }
    this.#asking = false;
    if (!this.#ended && this.#visible) this.#timer = setTimeout(() => void this.ask(), PAUSE);
  }

  #show(visible: boolean): void {
    this.#visible = visible;
    void this.ask();
  }
}
