// What is told about a link while it is typed or pasted, before the engine is asked.
//
// The same forms are read as by the engine (a content address, /ipfs/…, ipfs:…, a gateway's address), and an address is
// taken apart far enough to say "this is cut off" instead of "this is wrong". The engine has the last word.

/** Longer than any link that a program writes; the engine refuses more as well. */
const MAX_LINK_CHARACTERS = 8192;

export type BadLink =
  | "no-link" // there is nothing in it that could be a link
  | "web-page" // an address on the web that does not lead to shared content
  | "cut-off" // the address ends too early
  | "mistyped" // characters that no address has, or too many of them
  | "name" // an IPNS name: the content behind it can change, and Shoal does not follow it
  | "outside" // its path leads out of the content
  | "too-long";

export type LinkCheck =
  | { state: "empty" }
  | { state: "good"; link: string }
  | { state: "bad"; why: BadLink };

/** Reads what stands in the field. Text around a link, as it comes from chats and mails, is left out. */
export function checkLink(text: string): LinkCheck {
  const trimmed = text.trim();
  if (trimmed === "") return { state: "empty" };
  if (trimmed.length > MAX_LINK_CHARACTERS) return { state: "bad", why: "too-long" };
  const whole = checkOne(trimmed);
  if (whole.state === "good" || !/\s/.test(trimmed)) return whole;
  const found = findLink(trimmed);
  return found === null ? whole : { state: "good", link: found };
}

/** The first link in a text, or null. Bare words count only when they are a whole content address. */
export function findLink(text: string): string | null {
  for (const word of text.slice(0, MAX_LINK_CHARACTERS).split(/[\s<>"]+/)) {
    const bare = word.replace(/^[([{'’“”]+/, "").replace(/[)\]}'’“”.,;:!]+$/, "");
    if (bare !== "" && checkOne(bare).state === "good") return bare;
  }
  return null;
}

/** The name that the link itself suggests for the content; null if it has none. */
export function nameInLink(link: string): string | null {
  const query = link.split("#")[0]?.split("?")[1] ?? "";
  for (const pair of query.split("&")) {
    if (!pair.startsWith("filename=")) continue;
    const name = decode(pair.slice("filename=".length));
    if (name !== "") return name;
  }
  return null;
}

function checkOne(text: string): LinkCheck {
  const lower = text.toLowerCase();
  if (lower.startsWith("ipns:") || lower.startsWith("/ipns/")) return { state: "bad", why: "name" };
  if (lower.startsWith("http://") || lower.startsWith("https://")) return web(text);
  let rest = text;
  let marked = false;
  if (lower.startsWith("ipfs:")) {
    rest = text.slice("ipfs:".length).replace(/^\/+/, "");
    marked = true;
  }
  const shorter = rest.replace(/^\/?ipfs\//i, "");
  marked = marked || shorter !== rest;
  return address(shorter, text, marked);
}

function web(text: string): LinkCheck {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return { state: "bad", why: "web-page" };
  }
  const [first = "", ...others] = url.hostname.split(".");
  const place = url.pathname.slice(1);
  if (others[0] === "ipfs") return address(first + url.pathname, text, true);
  if (others[0] === "ipns" || place.startsWith("ipns/")) return { state: "bad", why: "name" };
  if (place.startsWith("ipfs/")) return address(place.slice("ipfs/".length), text, true);
  return { state: "bad", why: "web-page" };
}

/** `CID/path?…`. `marked`: something before it already said that this is such a link. */
function address(text: string, link: string, marked: boolean): LinkCheck {
  const place = text.split(/[?#]/)[0] ?? "";
  const [cid = "", ...path] = place.split("/");
  const why = wrongWith(cid, marked);
  if (why !== null) return { state: "bad", why };
  if (path.some((name) => decode(name) === "..")) return { state: "bad", why: "outside" };
  return { state: "good", link };
}

const BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
const BASE36 = "0123456789abcdefghijklmnopqrstuvwxyz";
const BASE32 = "abcdefghijklmnopqrstuvwxyz234567";
const BASE16 = "0123456789abcdef";

/** Fewer characters than this are a word, not the beginning of an address. */
const RECOGNISABLE_CHARACTERS = 12;

function wrongWith(cid: string, marked: boolean): BadLink | null {
  const likely = marked || (/^(Qm|ba[fe])/i.test(cid) && cid.length >= RECOGNISABLE_CHARACTERS);
  const wrong: BadLink = likely ? "mistyped" : "no-link";
  if (cid === "") return marked ? "cut-off" : "no-link";
  if (cid.startsWith("Qm")) {
    const bytes = radix(cid, BASE58);
    if (bytes === null) return wrong;
    return complete(bytes, 0, likely) ?? null;
  }
  const bytes = multibase(cid);
  if (bytes === null) return likely && cid.length < 8 ? "cut-off" : wrong;
  if (bytes[0] !== 1) return wrong;
  const codec = varint(bytes, 1);
  return codec === null ? short(likely) : complete(bytes, codec.next, likely);
}

/** A multihash (kind, length, digest) must end exactly where the bytes end. */
function complete(bytes: Uint8Array, at: number, likely: boolean): BadLink | null {
  const kind = varint(bytes, at);
  const length = kind && varint(bytes, kind.next);
  if (!length) return short(likely);
  const end = length.next + length.value;
  if (bytes.length === end) return null;
  return bytes.length < end ? short(likely) : likely ? "mistyped" : "no-link";
}

const short = (likely: boolean): BadLink => (likely ? "cut-off" : "no-link");

function multibase(text: string): Uint8Array | null {
  const digits = text.slice(1);
  switch (text[0]) {
    case "b":
      return bits(digits, BASE32, 5);
    case "B":
      return bits(digits.toLowerCase(), BASE32, 5);
    case "f":
      return bits(digits, BASE16, 4);
    case "F":
      return bits(digits.toLowerCase(), BASE16, 4);
    case "z":
      return radix(digits, BASE58);
    case "k":
      return radix(digits, BASE36);
    case "K":
      return radix(digits.toLowerCase(), BASE36);
    default:
      return null;
  }
}

/** Digits of a base that is a power of two. What is left over at the end is padding. */
function bits(digits: string, alphabet: string, width: number): Uint8Array | null {
  const bytes: number[] = [];
  let held = 0;
  let count = 0;
  for (const digit of digits) {
    const value = alphabet.indexOf(digit);
    if (value < 0) return null;
    held = ((held << width) | value) & 0xffff;
    count += width;
    if (count >= 8) {
      count -= 8;
      bytes.push((held >> count) & 0xff);
    }
  }
  return Uint8Array.from(bytes);
}

/** Digits of any other base. Addresses are a hundred digits at most: more are not worth the long division. */
function radix(digits: string, alphabet: string): Uint8Array | null {
  const longest = 200;
  if (digits.length > longest) return null;
  const bytes: number[] = [];
  for (const digit of digits) {
    let carry = alphabet.indexOf(digit);
    if (carry < 0) return null;
    for (let at = 0; at < bytes.length; at += 1) {
      carry += (bytes[at] ?? 0) * alphabet.length;
      bytes[at] = carry & 0xff;
      carry >>= 8;
    }
    for (; carry > 0; carry >>= 8) bytes.push(carry & 0xff);
  }
  const zero = alphabet[0] ?? "";
  for (const digit of digits) {
    if (digit !== zero) break;
    bytes.push(0);
  }
  return Uint8Array.from(bytes.reverse());
}

function varint(bytes: Uint8Array, from: number): { value: number; next: number } | null {
  let value = 0;
  // Four bytes hold every codec and hash there is.
  for (let at = from; at < Math.min(bytes.length, from + 4); at += 1) {
    const byte = bytes[at] ?? 0;
    value += (byte & 0x7f) * 2 ** (7 * (at - from));
    if (byte < 0x80) return { value, next: at + 1 };
  }
  return null;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
