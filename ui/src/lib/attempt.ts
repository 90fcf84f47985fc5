// Doing something that may fail: a failure is told in a message at the lower edge, with what to do about it.
import { asProblem } from "../api/client";
import { problemHint, problemText } from "./problem";
import { toasts } from "../stores/toasts.svelte";

/** Whether it worked. */
export async function attempt(work: Promise<unknown>): Promise<boolean> {
  try {
    await work;
    return true;
  } catch (error) {
    const problem = asProblem(error);
    const hint = problemHint(problem);
    toasts.show(hint === null ? problemText(problem) : `${problemText(problem)}. ${hint}`, { tone: "bad" });
    return false;
  }
}
