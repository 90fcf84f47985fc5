// Problems in words: the translation for the code when there is one, else what the engine says.
import type { ItemKind, Problem } from "../api/types";
import { tOptional } from "./i18n";

/** One sentence: `problem.<code>`, with {count}; `problem.<code>.of` when it names its {subject}, `problem.<code>.share` of a share. */
export function problemText(problem: Problem, kind?: ItemKind): string {
  const shared = kind === "share" ? tOptional(`problem.${problem.code}.share`, values(problem)) : undefined;
  if (shared !== undefined) return shared;
  const named = problem.subject === null ? undefined : tOptional(`problem.${problem.code}.of`, values(problem));
  if (named !== undefined) return named;
  return tOptional(`problem.${problem.code}`, values(problem)) ?? sentence(problem.message);
}

/** What to do about it: `problem.<code>.hint`; null when there is nothing to say. */
export function problemHint(problem: Problem): string | null {
  const own = tOptional(`problem.${problem.code}.hint`, values(problem));
  if (own !== undefined) return own;
  // A code with a translation and no hint has none on purpose; and the engine's is English.
  if (tOptional(`problem.${problem.code}`, values(problem)) !== undefined) return null;
  return problem.hint;
}

function values(problem: Problem): { count: number; subject: string } {
  return { count: problem.count ?? 1, subject: problem.subject ?? "" };
}

function sentence(message: string): string {
  return message.charAt(0).toUpperCase() + message.slice(1);
}
