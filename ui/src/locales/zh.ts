// All messages of this language, by file: one piece to load.
import type { Texts } from "../lib/locale.svelte";

export default import.meta.glob<Texts>("./zh/*.json", { import: "default", eager: true });
