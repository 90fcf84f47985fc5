// Speed limits between the engine's text (bytes a second, "0" for none) and what a person types: a number and a unit.

export type RateUnit = "kB/s" | "MB/s";
export const RATE_UNITS: readonly RateUnit[] = ["kB/s", "MB/s"];

const BYTES: Record<RateUnit, number> = { "kB/s": 1_000, "MB/s": 1_000_000 };
/** Below it a transfer would hardly move; most likely the unit is wrong. Bytes a second. */
export const SLOWEST = 1_000;
/** 100 GB/s: faster than any line, and safe as a number. Bytes a second. */
export const FASTEST = 100_000_000_000;
/** What a limit begins with when it is switched on. Bytes a second. */
export const FIRST_LIMIT = 1_000_000;

export type RateMistake = "empty" | "not-a-number" | "too-slow" | "too-fast";
export type ParsedRate = { bytes: number } | { mistake: RateMistake };

/** The engine's text as bytes a second; null is no limit. */
export function limitOf(value: string): number | null {
  const bytes = Number(value);
  return Number.isSafeInteger(bytes) && bytes > 0 ? bytes : null;
}

/** The unit in which a rate reads best. */
export function unitOf(bytes: number): RateUnit {
  return bytes >= BYTES["MB/s"] ? "MB/s" : "kB/s";
}

/** The number as it stands in the field, with the language's decimal sign and no grouping. */
export function amountOf(bytes: number, unit: RateUnit, language: string): string {
  return new Intl.NumberFormat(language, { useGrouping: false, maximumFractionDigits: 3 }).format(bytes / BYTES[unit]);
}

/** What a person typed. A comma and a point both begin the decimals: nobody writes thousands here. */
export function parseRate(text: string, unit: RateUnit): ParsedRate {
  const typed = text.trim().replace(/[\s\u00a0\u202f]/gu, "");
  if (typed === "") return { mistake: "empty" };
  if (!/^\d*[.,]?\d+$|^\d+[.,]$/u.test(typed)) return { mistake: "not-a-number" };
  const bytes = Math.round(Number(typed.replace(",", ".")) * BYTES[unit]);
  if (bytes < SLOWEST) return { mistake: "too-slow" };
  if (bytes > FASTEST) return { mistake: "too-fast" };
  return { bytes };
}
