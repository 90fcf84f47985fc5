import { describe, expect, it } from "vitest";
import { IntlMessageFormat } from "intl-messageformat";
import { pseudo } from "./pseudo";

type Texts = Record<string, string>;
const files = import.meta.glob<Texts>("./*/*.json", { import: "default", eager: true });
const LANGUAGES = ["en", "de", "es", "zh"] as const;

function areas(language: string): Map<string, Texts> {
  const own = Object.entries(files).filter(([path]) => path.startsWith(`./${language}/`));
  return new Map(own.map(([path, texts]) => [path.slice(`./${language}/`.length, -".json".length), texts]));
}

function messages(language: string): Map<string, string> {
  const named = [...areas(language)].flatMap(([area, texts]) => Object.entries(texts).map(([key, text]): [string, string] => [`${area}.${key}`, text]));
  return new Map(named);
}

const english = messages("en");

type Part = ReturnType<IntlMessageFormat["getAst"]>[number];
const LITERAL = 0;

/** Every part of a message, those inside plural forms too. */
function parts(text: string, all = new IntlMessageFormat(text, "en", undefined, { ignoreTag: true }).getAst()): Part[] {
  return all.flatMap((part) => [part, ...("options" in part ? Object.values(part.options).flatMap((option) => parts(text, option.value)) : [])]);
}

/** Names of what is filled in; twice is once. */
function placeholders(text: string): string[] {
  const named = parts(text).flatMap((part) => (part.type !== LITERAL && "value" in part ? [part.value] : []));
  return [...new Set(named)].sort();
}

function plurals(text: string): string[][] {
  return parts(text).flatMap((part) => ("pluralType" in part ? [Object.keys(part.options)] : []));
}

describe.each(LANGUAGES)("%s", (language) => {
  const own = messages(language);

  it("has every message, and no other", () => {
    expect([...english.keys()].filter((key) => !own.has(key)), "missing").toEqual([]);
    expect([...own.keys()].filter((key) => !english.has(key)), "extra").toEqual([]);
  });

  it("says something in each", () => {
    expect([...own].filter(([, text]) => text.trim() === "" || text !== text.trim()).map(([key]) => key)).toEqual([]);
  });

  it("fills in the same values", () => {
    const other = [...own].filter(([key, text]) => {
      const wanted = english.get(key);
      return wanted !== undefined && String(placeholders(text)) !== String(placeholders(wanted));
    });
    expect(other.map(([key]) => key)).toEqual([]);
  });

  it("has the plural forms of the language", () => {
    const rules = new Intl.PluralRules(language).resolvedOptions().pluralCategories;
    // Spanish has "many" for whole millions, which nobody needs here; "other" stands in for it. "=1" says what "one" would.
    const needed = rules.filter((form) => form !== "many");
    for (const [key, text] of own) {
      for (const forms of plurals(text)) {
        const named = forms.filter((form) => !form.startsWith("="));
        expect(named.filter((form) => !rules.includes(form as Intl.LDMLPluralRule)), key).toEqual([]);
        expect(needed.filter((form) => !named.includes(form) && !(form === "one" && forms.includes("=1"))), key).toEqual([]);
      }
    }
  });

  it("can be shown for one, several and very many", () => {
    for (const [key, text] of own) {
      const message = new IntlMessageFormat(text, language, undefined, { ignoreTag: true });
      for (const number of [0, 1, 2, 12_345]) {
        const values = Object.fromEntries(placeholders(text).map((name) => [name, number]));
        expect(String(message.format(values)), key).not.toMatch(/[{}#]/u);
      }
    }
  });

  it("uses typographic signs", () => {
    const typed = [...own].filter(([, text]) => /['"`]|\.\.\./u.test(text));
    expect(typed.map(([key]) => key)).toEqual([]);
  });
});

describe.each(LANGUAGES.filter((language) => language !== "en"))("%s", (language) => {
  it("is translated: no sentence is as in English", () => {
    const words = (text: string) => new Set(parts(text).flatMap((part) => (part.type === LITERAL ? part.value.trim().split(/\s+/u) : [])));
    const same = [...messages(language)].filter(([key, text]) => text === english.get(key) && words(text).size > 2);
    expect(same.map(([key]) => key)).toEqual([]);
  });
});

describe("the pseudo-locale", () => {
  it("keeps placeholders and plural forms", () => {
    for (const [key, text] of english) {
      expect(placeholders(pseudo(text)), key).toEqual(placeholders(text));
      expect(plurals(pseudo(text)), key).toEqual(plurals(text));
    }
  });

  it("is longer, accented and in brackets", () => {
    expect(pseudo("Share files")).toBe("⟦Šĥáŕé ƒîļéš ône t⟧");
    expect(pseudo("{count, plural, one {# file} other {# files}}")).toMatch(/^⟦\{count, plural, one \{# ƒîļé\} other \{# ƒîļéš\}\}.*⟧$/u);
  });
});
