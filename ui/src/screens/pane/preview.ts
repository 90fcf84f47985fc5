// What can be looked at inside the window, and how bytes become text. Pure.
//
// Nothing that a stranger sent is ever run: pages and drawings are text or pictures here, never documents.

export type PreviewKind = "image" | "text" | "audio" | "video";

const KINDS: Record<PreviewKind, string> = {
  image: "apng avif bmp gif ico jfif jpeg jpg png svg webp",
  audio: "aac flac m4a mp3 oga ogg opus wav weba",
  video: "m4v mkv mov mp4 mpeg mpg ogv webm",
  text:
    "asc bash bat bib c cc cfg cmake conf cpp cs css csv cue diff dockerfile env geojson gitignore go gpx graphql h hpp htm html ics ini java " +
    "js json jsonl jsx kml kt less license lock log lua m3u make makefile md mjs nfo patch php pl plist po properties ps1 py r rb readme rs rst rtf " +
    "sass scss sh sql srt svelte swift tex text toml ts tsv tsx txt url vcf vtt vue xhtml xml yaml yml zsh",
};
const BY_ENDING = new Map(
  (Object.keys(KINDS) as PreviewKind[]).flatMap((kind) => KINDS[kind].split(" ").map((ending) => [ending, kind] as const)),
);

/** As much of a text as is shown (bytes): some 4,000 lines, which still scroll at once. */
export const TEXT_BYTES = 256 * 1024;

/** Null: it can only be opened with another program. */
export function previewKind(name: string): PreviewKind | null {
  const dot = name.lastIndexOf(".");
  return BY_ENDING.get(name.slice(dot + 1).toLowerCase()) ?? null;
}

/** Null: it is not text. The bytes may end in the middle of a character. */
export function decodeText(bytes: Uint8Array): string | null {
  const encoding = marked(bytes);
  if (encoding !== null) return new TextDecoder(encoding).decode(bytes);
  if (looksBinary(bytes)) return null;
  try {
    // `stream`: an unfinished character at the end is held back, not an error.
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: true });
  } catch {
    return new TextDecoder("windows-1252").decode(bytes);
  }
}

function marked(bytes: Uint8Array): string | null {
  const [first, second, third] = bytes;
  if (first === 0xef && second === 0xbb && third === 0xbf) return "utf-8";
  if (first === 0xff && second === 0xfe) return "utf-16le";
  if (first === 0xfe && second === 0xff) return "utf-16be";
  return null;
}

/** Texts hold no zeros, and next to no other control characters. */
function looksBinary(bytes: Uint8Array): boolean {
  const looked = bytes.subarray(0, 8192);
  let odd = 0;
  for (const byte of looked) {
    if (byte === 0) return true;
    if (byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0c && byte !== 0x0d && byte !== 0x1b) odd += 1;
  }
  return odd * 50 > looked.length;
}
