// `t("area.key", values)`: a message of the present language, formatted by ICU rules. Reads state, so what shows it follows the language.
import { IntlMessageFormat } from "intl-messageformat";
import { type Key, locale } from "./locale.svelte";

export type { Key } from "./locale.svelte";
export type Values = Record<string, string | number>;

const parsed = new Map<string, IntlMessageFormat>();

export function t(key: Key, values?: Values): string {
  return format(key, values) ?? key;
}

/** For keys that come from outside, such as a problem's code. */
export function tOptional(key: string, values?: Values): string | undefined {
  return format(key, values);
}

function format(key: string, values?: Values): string | undefined {
  const text = locale.text(key);
  if (text === undefined) return undefined;
  // Most messages are plain text; the parser also reads '' as one quote, which they then don't need.
  if (!text.includes("{") && !text.includes("''")) return text;
  const id = `${locale.tag}\n${text}`;
  let message = parsed.get(id);
  if (message === undefined) {
    message = new IntlMessageFormat(text, locale.tag, undefined, { ignoreTag: true });
    parsed.set(id, message);
  }
  return String(message.format(values));
}
