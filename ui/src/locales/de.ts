// All messages of this language, by file: one piece to load. The tray's are read by the shell around the window.
import type { Texts } from "../stores/locale.svelte";

export default import.meta.glob<Texts>(["./de/*.json", "!./de/tray.json"], { import: "default", eager: true });
