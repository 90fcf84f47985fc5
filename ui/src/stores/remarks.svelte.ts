// What was not as it should be when the engine started, and what broke since then. The engine tells it as long as it runs; whoever closed it has read it,
// in the windows after this one too.
import { call } from "../api/client";
import type { Problem } from "../api/types";

/** What broke meanwhile is asked for so often, in milliseconds. */
const AGAIN = 60_000;
/** Where is kept what was read. */
const READ = "remarks-read";
/** So many are remembered: each start has a few at most. */
const MOST = 50;

class Remarks {
  shown = $state.raw<readonly Problem[]>([]);

  async load(): Promise<void> {
    const read = known();
    const all = await call("remarks", null);
    this.shown = all.filter((remark) => !read.includes(nameOf(remark)));
  }

  /** Asks again and again. The answer ends that. */
  watch(): () => void {
    // Without the engine others say so.
    const timer = setInterval(() => void this.load().catch(() => {}), AGAIN);
    return () => clearInterval(timer);
  }

  read(remark: Problem): void {
    this.shown = this.shown.filter((other) => other !== remark);
    localStorage.setItem(READ, JSON.stringify([...known(), nameOf(remark)].slice(-MOST)));
  }
}

/** The old file has a name that no other has. */
export function nameOf({ code, subject }: Problem): string {
  return `${code} ${subject ?? ""}`;
}

function known(): string[] {
  try {
    const read: unknown = JSON.parse(localStorage.getItem(READ) ?? "[]");
    return Array.isArray(read) ? read.filter((one) => typeof one === "string") : [];
  } catch {
    return [];
  }
}

export const remarks = new Remarks();
