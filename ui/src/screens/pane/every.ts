// Asking again and again, only while somebody can see the answer.
import { library } from "../../stores/library.svelte";

/** Asks now, and `ms` after each answer. Returns what ends it. */
export function every(ms: number, ask: () => Promise<void>): () => void {
  let wanted = true;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const turn = async () => {
    if (library.live) await ask();
    if (wanted) timer = setTimeout(() => void turn(), ms);
  };
  void turn();
  return () => {
    wanted = false;
    clearTimeout(timer);
  };
}
