// The one way to the engine: `call("library", {…})`. `connect` chooses who answers before anything is shown.
import type { Platform } from "./platform";
import type { Calls, Problem } from "./types";

let current: Platform | null = null;

export function connect(to: Platform): void {
  current = to;
}

export function platform(): Platform {
  if (current === null) throw new Error("connect() comes first");
  return current;
}

/** Rejects with a `Problem`, whatever went wrong. */
export async function call<N extends keyof Calls>(name: N, argument: Calls[N][0]): Promise<Calls[N][1]> {
  try {
    return await platform().call(name, argument);
  } catch (error) {
    throw asProblem(error);
  }
}

export function isProblem(error: unknown): error is Problem {
  return typeof error === "object" && error !== null && "code" in error && "message" in error;
}

/** Anything that was thrown, as a problem that can be shown. */
export function asProblem(error: unknown): Problem {
  if (isProblem(error)) return error;
  const message = error instanceof Error ? error.message : String(error);
  return { code: "window", message, hint: null, retry: "user", subject: null, count: null, field: null };
}
