// Whether a text is a link to shared files, in any form in which people meet one. The engine reads it; this only decides
// whether to offer to open it, so plain words must never match.

const FORMS = [
  /^(ipfs|ipns|dweb):\S+$/i,
  /^\/ip[fn]s\/\S+$/,
  /^https?:\/\/\S+\/ip[fn]s\/\S+$/i,
  /^https?:\/\/[a-z0-9-]{46,}\.ip[fn]s\.\S+$/i,
  // CIDs as they are: version 0, and version 1 in base32, base58 and base16.
  /^(Qm[1-9A-HJ-NP-Za-km-z]{44}|ba[e-h][a-z2-7]{56,}|z[1-9A-HJ-NP-Za-km-z]{47,}|f[0-9a-f]{70,})([/?]\S*)?$/,
];

/** Longer than any link, and short enough to look at. */
const LONGEST = 16_384;

export function isLink(text: string): boolean {
  const link = text.trim();
  return link.length <= LONGEST && FORMS.some((form) => form.test(link));
}
