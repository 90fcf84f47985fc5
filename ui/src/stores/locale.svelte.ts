// Which language the window speaks now, and its messages. `i18n.ts` formats them.
import type { MessageFormatElement } from "@formatjs/icu-messageformat-parser";
import app from "../locales/en/app.json";
import item from "../locales/en/item.json";
import library from "../locales/en/library.json";
import network from "../locales/en/network.json";
import open from "../locales/en/open.json";
import problem from "../locales/en/problem.json";
import settings from "../locales/en/settings.json";
import share from "../locales/en/share.json";
import welcome from "../locales/en/welcome.json";

/** tray.json is missing: the shell around the window reads it. */
export const english = { app, library, item, share, open, network, settings, welcome, problem };
type Areas = typeof english;

/** Every message by name: "library.empty.title" is `empty.title` in `locales/en/library.json`. */
export type Key = { [A in keyof Areas]: `${A}.${keyof Areas[A] & string}` }[keyof Areas];

/** Languages besides English, each in a folder of its own with the same files. */
export const LANGUAGES = ["en", "de", "es", "zh"] as const;
export type Language = (typeof LANGUAGES)[number];

const OTHERS = {
  de: () => import("../locales/de"),
  es: () => import("../locales/es"),
  zh: () => import("../locales/zh"),
};

/** One file of a language. The app's build leaves the keys out (see messages.ts): then its texts stand in English's order. */
export type Texts = Record<string, Message> | readonly (Message | null)[];
/** ICU as it is written, or, in the app's build, as it was read. */
export type Message = string | MessageFormatElement[];
type Messages = ReadonlyMap<string, Message>;

interface Current {
  language: Language;
  /** BCP 47, with the region: what `Intl` formats by. */
  tag: string;
  messages: Messages;
}

const ENGLISH = flat(Object.entries(english));

class Locale {
  #current = $state.raw<Current>({ language: "en", tag: regional("en", navigatorLanguages()), messages: ENGLISH });
  #asked = 0;
  #disguise: ((text: string) => string) | null = null;

  get language(): Language {
    return this.#current.language;
  }

  get tag(): string {
    return this.#current.tag;
  }

  text(key: string): Message | undefined {
    return this.#current.messages.get(key) ?? ENGLISH.get(key);
  }

  /** `auto` is the system's language, when the window speaks it. */
  async use(wanted: string, system: string | null): Promise<void> {
    const systems = system === null ? navigatorLanguages() : [system, ...navigatorLanguages()];
    const language = wanted === "auto" ? spoken(systems) : spoken([wanted]);
    const turn = ++this.#asked;
    const messages = this.#disguise === null ? await load(language) : disguised(this.#disguise);
    if (turn !== this.#asked) return;
    const tag = regional(language, systems);
    this.#current = { language, tag, messages };
    if (typeof document !== "undefined") document.documentElement.lang = language === "zh" ? "zh-Hans" : language;
  }

  /** Every message through `change`: how the pseudo-locale is made. */
  disguise(change: (text: string) => string): void {
    this.#disguise = change;
    this.#current = { ...this.#current, messages: disguised(change) };
  }
}

export const locale = new Locale();

function flat(areas: [string, Texts][]): Messages {
  const messages = new Map<string, Message>();
  for (const [area, texts] of areas) {
    const keys = Object.keys(Array.isArray(texts) ? (english[area as keyof Areas] ?? {}) : texts);
    const values = Object.values<Message | null>(texts);
    keys.forEach((key, at) => values[at] && messages.set(`${area}.${key}`, values[at]));
  }
  return messages;
}

function disguised(change: (text: string) => string): Messages {
  return new Map([...ENGLISH].map(([key, text]) => [key, typeof text === "string" ? change(text) : text]));
}

async function load(language: Language): Promise<Messages> {
  if (language === "en") return ENGLISH;
  const { default: files } = await OTHERS[language]();
  return flat(Object.entries(files).map(([path, texts]) => [path.slice(path.lastIndexOf("/") + 1, -".json".length), texts]));
}

function navigatorLanguages(): readonly string[] {
  return typeof navigator === "undefined" ? [] : navigator.languages;
}

function spoken(tags: readonly string[]): Language {
  for (const tag of tags) {
    const language = LANGUAGES.find((known) => known === tag.split("-")[0]?.toLowerCase());
    if (language !== undefined) return language;
  }
  return "en";
}

/** The first of the system's tags in that language: en-GB writes dates another way than en-US. Chinese texts are in simplified script. */
function regional(language: Language, tags: readonly string[]): string {
  const own = tags.find((tag) => tag.split("-")[0]?.toLowerCase() === language && !/-(hant|tw|hk|mo)\b/iu.test(tag));
  return own ?? (language === "zh" ? "zh-Hans" : language);
}
