// Settings that are lists ("a,b", or "none") between the engine's text and the screen, and what a person may type into them.
// The engine has the last word; what is checked here gets a better sentence.

export const EMPTY = "none";

export function entriesOf(value: string): string[] {
  return value === EMPTY || value === "" ? [] : value.split(",").map((entry) => entry.trim()).filter(Boolean);
}

export function listText(entries: readonly string[]): string {
  return entries.length === 0 ? EMPTY : entries.join(",");
}

/** What a list holds: "id" IDs alone, "peer" IDs or addresses with one. */
export type Holds = "id" | "peer" | "network" | "url";

const ID = /^(?:12D3KooW|16Uiu2HA|Qm)[1-9A-HJ-NP-Za-km-z]{40,48}$/u;
/** Older and newer writings of IDs that are no less good: the engine reads them. */
const OTHER_ID = /^(?:1[1-9A-HJ-NP-Za-km-z]{20,60}|[bk][0-9a-z]{40,100})$/u;
const NETWORK = /^(?:\d{1,3}(?:\.\d{1,3}){3}|[\da-f:]*:[\da-f:.]*)(?:\/\d{1,3})?$/iu;

/** The entry as the engine takes it; null when it can't be one. */
export function entry(typed: string, holds: Holds): string | null {
  const text = typed.trim();
  if (text === "" || /[\s,]/u.test(text)) return null;
  switch (holds) {
    case "id":
      return idIn(text);
    case "peer":
      return text.startsWith("/") && !text.startsWith("/p2p/") ? (idIn(text) === null ? null : text) : idIn(text);
    case "network":
      return NETWORK.test(text) ? text : null;
    case "url":
      return /^https?:\/\/[^/]/iu.test(text) && URL.canParse(text) ? text : null;
  }
}

/** The ID at the end of an address, or the text itself. */
export function idIn(text: string): string | null {
  const id = text.slice(text.lastIndexOf("/") + 1);
  return (ID.test(id) || OTHER_ID.test(id)) && (id === text || text.endsWith(`/p2p/${id}`)) ? id : null;
}
