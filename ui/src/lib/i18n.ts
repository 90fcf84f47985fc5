// `t("area.key", values)`: a message of the present language, formatted by ICU rules. Reads state, so what shows it follows the language.
import { IntlMessageFormat } from "intl-messageformat";
import { type Key, type Message, locale } from "../stores/locale.svelte";

export type { Key } from "../stores/locale.svelte";
export type Values = Record<string, string | number>;

/** Made once for each message, as long as the language stays. */
const made = new Map<Message, IntlMessageFormat>();
let madeFor = "";

export function t(key: Key, values?: Values): string {
  return format(key, values) ?? key;
}

/** For keys that come from outside, such as a problem's code. */
export function tOptional(key: string, values?: Values): string | undefined {
  return format(key, values);
}

function format(key: string, values?: Values): string | undefined {
  const text = locale.text(key);
  // Most messages are plain text; the parser also reads '' as one quote, which they then don't need.
  if (text === undefined || (typeof text === "string" && !text.includes("{") && !text.includes("''"))) return text;
  if (madeFor !== locale.tag) made.clear();
  madeFor = locale.tag;
  let message = made.get(text);
  if (message === undefined) {
    message = new IntlMessageFormat(text, locale.tag, undefined, { ignoreTag: true });
    made.set(text, message);
  }
  return String(message.format(values));
}
