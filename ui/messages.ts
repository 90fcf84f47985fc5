// What the window's build makes of the messages in locales/: ICU is read now, so that the window need not carry the parser
// (7 KB), and the languages leave out the keys, which English has too (6 KB). Tests and development take the files as they are.
import { readFileSync } from "node:fs";
import { parse } from "@formatjs/icu-messageformat-parser";
import type { Plugin } from "vite";

const LOCALE = /\/locales\/([a-z]+)\/[a-z]+\.json$/;

export function messages(): Plugin {
  return {
    name: "messages",
    enforce: "pre",
    apply: (_config, { command, mode }) => command === "build" && mode === "production",
    // Without the parser, what formats parsed messages stays.
    config: () => ({ resolve: { alias: { "@formatjs/icu-messageformat-parser": "@formatjs/icu-messageformat-parser/no-parser.js" } } }),
    transform(code, id) {
      const language = LOCALE.exec(id)?.[1];
      if (language === undefined) return null;
      const read = new Map(Object.entries(texts(code)).map(([key, text]) => [key, isPlain(text) ? text : parse(text, { ignoreTag: true, captureLocation: false })]));
      if (language === "en") return json(Object.fromEntries(read));
      const english = id.replace(`/locales/${language}/`, "/locales/en/");
      this.addWatchFile(english);
      return json(Object.keys(texts(readFileSync(english, "utf8"))).map((key) => read.get(key) ?? null));
    },
  };
}

function texts(code: string): Record<string, string> {
  return JSON.parse(code) as Record<string, string>;
}

function json(value: unknown): { code: string; map: null } {
  return { code: JSON.stringify(value), map: null };
}

/** As `i18n.ts` sees it: nothing to fill in, and no '' that stands for one quote. */
function isPlain(text: string): boolean {
  return !text.includes("{") && !text.includes("''");
}
