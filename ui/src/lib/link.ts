// Whether a text may have a link to shared files in it, in any form in which people meet one. The engine reads it; this
// only decides whether to offer to open it, so plain words must never match.

const FORMS = [
  /(^|[^a-z])((web\+)?ipfs|ipns|dweb):\S+/i,
  /\/ip[fn]s\/\S+/i,
  /[a-z0-9-]{46,}\.ip[fn]s\.\S+/i,
  // CIDs as they are: version 0, and version 1 in base32, base58, base36 and base16.
  /(^|[^a-z0-9])(Qm[1-9A-HJ-NP-Za-km-z]{44}|b(?=a[e-h])[a-z2-7]{58,}|z[1-9A-HJ-NP-Za-km-z]{47,}|k(?=2|51)[a-z0-9]{49,}|f01[0-9a-f]{68,})([^a-z0-9]|$)/i,
];

/** Longer than any link, and short enough to look at. */
const LONGEST = 16_384;

export function isLink(text: string): boolean {
  if (text.length > LONGEST) return false;
  // Mails break lines, and mark what they quote.
  const whole = text.replace(/\s*[\r\n]+[\s>]*/g, "");
  return FORMS.some((form) => form.test(text) || form.test(whole));
}
