// Which language the window speaks now, and its messages. `i18n.ts` formats them.
import app from "../locales/en/app.json";
import item from "../locales/en/item.json";
import library from "../locales/en/library.json";
import network from "../locales/en/network.json";
import open from "../locales/en/open.json";
import problem from "../locales/en/problem.json";
import settings from "../locales/en/settings.json";
import share from "../locales/en/share.json";
import tray from "../locales/en/tray.json";
import welcome from "../locales/en/welcome.json";

export const english = { app, library, item, share, open, network, settings, welcome, problem, tray };
type Areas = typeof english;

/** Every message by name: "library.empty.title" is `empty.title` in `locales/en/library.json`. */
export type Key = { [A in keyof Areas]: `${A}.${keyof Areas[A] & string}` }[keyof Areas];

/** Languages besides English, each in a folder of its own with the same files. */
export const LANGUAGES = ["en", "de", "es", "zh"] as const;
export type Language = (typeof LANGUAGES)[number];

const folders = import.meta.glob<Record<string, string>>("../locales/{de,es,zh}/*.json", { import: "default" });

interface Current {
  language: Language;
  /** BCP 47, with the region: what `Intl` formats by. */
  tag: string;
  messages: ReadonlyMap<string, string>;
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

  text(key: string): string | undefined {
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

function flat(areas: [string, Record<string, string>][]): ReadonlyMap<string, string> {
  return new Map(areas.flatMap(([area, texts]) => Object.entries(texts).map(([key, text]) => [`${area}.${key}`, text])));
}

function disguised(change: (text: string) => string): ReadonlyMap<string, string> {
  return new Map([...ENGLISH].map(([key, text]) => [key, change(text)]));
}

async function load(language: Language): Promise<ReadonlyMap<string, string>> {
  if (language === "en") return ENGLISH;
  const files = Object.entries(folders).filter(([path]) => path.startsWith(`../locales/${language}/`));
  const areas = files.map(async ([path, file]): Promise<[string, Record<string, string>]> => {
    const area = path.slice(path.lastIndexOf("/") + 1, -".json".length);
    return [area, await file()];
  });
  return flat(await Promise.all(areas));
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

/** The first of the system's tags in that language: en-GB writes dates another way than en-US. */
function regional(language: Language, tags: readonly string[]): string {
  return tags.find((tag) => tag.split("-")[0]?.toLowerCase() === language) ?? (language === "zh" ? "zh-Hans" : language);
}
