// Copying a link that may not exist yet: pressed early, it is copied when it is there, even if the sheet was closed meanwhile.
import { asProblem, platform } from "../../api/client";
import type { Problem } from "../../api/types";

/** How long "Copied" stands on the button (ms). */
const SHOWN_MS = 2_000;

export class Copying {
  state = $state<"idle" | "waiting" | "copied">("idle");
  problem = $state.raw<Problem | null>(null);
  #link: string | null = null;
  #shown: ReturnType<typeof setTimeout> | undefined;

  /** `oncopied` hears of copies that came later than they were asked for. */
  constructor(private readonly oncopied: () => void = () => undefined) {}

  async press(): Promise<void> {
    if (this.#link === null) this.state = this.state === "waiting" ? "idle" : "waiting";
    else await this.#copy(this.#link);
  }

  /** The link is known, or is another now. */
  async arrive(link: string | null): Promise<void> {
    this.#link = link;
    if (link === null || this.state !== "waiting") return;
    await this.#copy(link);
    if (this.problem === null) this.oncopied();
  }

  async #copy(text: string): Promise<void> {
    clearTimeout(this.#shown);
    try {
      await platform().copy(text);
      this.problem = null;
      this.state = "copied";
      this.#shown = setTimeout(() => (this.state = "idle"), SHOWN_MS);
    } catch (error) {
      this.problem = asProblem(error);
      this.state = "idle";
    }
  }
}
