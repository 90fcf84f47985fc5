// Names that others chose, for people to read: without the marks that reorder text, or take room without being seen, with which
// "exe.gpj" can look like "jpg.exe" and one name like another. Joiners stay: words and emoji are made with them.
const TREACHEROUS = /[\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb]/gu;

export function plain(name: string): string {
  return name.replace(TREACHEROUS, "\ufffd");
}
