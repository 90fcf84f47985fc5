// Short messages at the lower edge, some with a way back, and what is said to screen readers.

/** How long a message stays (ms): long enough to read two lines; one with a way back stays as long as that way is open. */
export const TOAST_MS = 6_000;
const MOST_AT_ONCE = 3;

export interface Toast {
  id: number;
  text: string;
  tone: "plain" | "bad";
  action: { label: string; run: () => void } | null;
}

interface Extra {
  tone?: Toast["tone"];
  action?: { label: string; run: () => void };
  ms?: number;
}

class Toasts {
  shown = $state.raw<Toast[]>([]);
  /** What the polite live region says. */
  said = $state("");
  #next = 1;

  show(text: string, { tone = "plain", action, ms = TOAST_MS }: Extra = {}): number {
    const id = this.#next++;
    this.shown = [...this.shown, { id, text, tone, action: action ?? null }].slice(-MOST_AT_ONCE);
    this.say(text);
    setTimeout(() => this.close(id), ms);
    return id;
  }

  close(id: number): void {
    this.shown = this.shown.filter((toast) => toast.id !== id);
  }

  /** Takes the way back of the newest message that has one. */
  undo(): void {
    const toast = this.shown.findLast(({ action }) => action !== null);
    if (toast === undefined) return;
    this.close(toast.id);
    toast.action?.run();
  }

  say(text: string): void {
    this.said = text;
  }
}

export const toasts = new Toasts();
