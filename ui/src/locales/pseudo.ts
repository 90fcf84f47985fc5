// A language nobody speaks, made from English: accents, 40 % longer, in brackets. In it one sees what isn't translated (no
// accents), what is glued together (brackets inside a line) and what has no room (a bracket is missing). For tests and the mock.

const ACCENTS: Record<string, string> = {
  a: "á", b: "ƀ", c: "ç", d: "ð", e: "é", f: "ƒ", g: "ĝ", h: "ĥ", i: "î", j: "ĵ", k: "ķ", l: "ļ", m: "ɱ", n: "ñ", o: "ö", p: "þ",
  q: "ǫ", r: "ŕ", s: "š", t: "ţ", u: "û", v: "ṽ", w: "ŵ", x: "ẋ", y: "ý", z: "ž", A: "Å", B: "Ɓ", C: "Ç", D: "Ð", E: "É", F: "Ƒ",
  G: "Ĝ", H: "Ĥ", I: "Î", J: "Ĵ", K: "Ķ", L: "Ļ", M: "Ṁ", N: "Ñ", O: "Ö", P: "Þ", Q: "Ǫ", R: "Ŕ", S: "Š", T: "Ţ", U: "Û", V: "Ṽ",
  W: "Ŵ", X: "Ẋ", Y: "Ý", Z: "Ž",
};
const LONGER = 0.4;
const FILLING = "ône twö thréé fôûr fîvé šîx ševén éîĝĥţ ñîñé ţéñ éļéṽéñ ţŵéļṽé ";

/** An ICU message in, the same message in disguise out: its placeholders and plural forms stay as they are. */
export function pseudo(message: string): string {
  const written = accented(message);
  // Nothing but what is filled in, or a sign.
  if (written === message) return message;
  // What stands between braces is no text, or short.
  const length = Math.ceil(message.replace(/\{[^{}]*\}/gu, "").length * LONGER);
  const filling = FILLING.repeat(Math.ceil(length / FILLING.length)).slice(0, length).trim();
  return `⟦${written}${filling === "" ? "" : ` ${filling}`}⟧`;
}

function accented(message: string): string {
  // Depth 0, 2, 4… is text; 1, 3… is inside an argument: {count, plural, one {text}}.
  let depth = 0;
  let out = "";
  for (const letter of message) {
    if (letter === "}") depth -= 1;
    out += depth % 2 === 0 ? (ACCENTS[letter] ?? letter) : letter;
    if (letter === "{") depth += 1;
  }
  return out;
}
