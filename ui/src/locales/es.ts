// All messages of this language, by file: one piece to load.
import type { Texts } from "../lib/locale.svelte";

export default import.meta.glob<Texts>("./es/*.json", { import: "default", eager: true });
