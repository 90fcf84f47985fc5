// The test of whether others can get here: it runs for up to a minute, and its result stays until the next one.
import { asProblem, call } from "../../api/client";
import type { CheckView, Problem } from "../../api/types";

/** How long a test takes at most. s. */
export const LONGEST = 60;
const SECOND = 1000;
/** The bar stops short of its end: only the answer fills it. */
const ALMOST = 0.96;

class Check {
  running = $state(false);
  /** So long by now. s. */
  seconds = $state(0);
  problem = $state.raw<Problem | null>(null);
  /** Ask the public service too. Never kept: it is chosen for each test. */
  asksPublic = $state(false);
  #last = $state.raw<CheckView | null>(null);

  get part(): number {
    return Math.min(ALMOST, this.seconds / LONGEST);
  }

  /** The newer one of what this window tested, and what the engine knows of. */
  last(known: CheckView | null): CheckView | null {
    return known === null || (this.#last !== null && this.#last.at > known.at) ? this.#last : known;
  }

  async run(): Promise<void> {
    if (this.running) return;
    this.running = true;
    this.seconds = 0;
    this.problem = null;
    const clock = setInterval(() => (this.seconds += 1), SECOND);
    try {
      this.#last = await call("check", { public: this.asksPublic });
    } catch (error) {
      this.problem = asProblem(error);
    }
    clearInterval(clock);
    this.asksPublic = false;
    this.running = false;
  }
}

/** One for the window: a test goes on while another screen is shown. */
export const check = new Check();
