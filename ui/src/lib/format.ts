// Numbers as people read them, by the present language: sizes, rates, times left, dates, shares of a whole.
import { t } from "./i18n";
import { locale } from "../stores/locale.svelte";

const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte", "petabyte"] as const;
const STEP = 1000;
const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const formats = new Map<string, Intl.NumberFormat>();

/** By the region, unless another tag is given: British English would write "5 mins". */
function numberFormat(options: Intl.NumberFormatOptions, tag: string = locale.tag): Intl.NumberFormat {
  const id = tag + JSON.stringify(options);
  let format = formats.get(id);
  if (format === undefined) {
    format = new Intl.NumberFormat(tag, options);
    formats.set(id, format);
  }
  return format;
}

/** 1234 → "1,234". */
export function count(value: number): string {
  return numberFormat({}).format(value);
}

/** Bytes: "5.2 GB", "248 kB", "36 MB". */
export function bytes(value: number): string {
  const { amount, unit } = scaled(value);
  if (unit === "byte") return t("app.bytes", { count: amount });
  const maximumFractionDigits = amount < 99.95 ? 1 : 0;
  return numberFormat({ style: "unit", unit, maximumFractionDigits }).format(amount);
}

/** "3.2 of 5.2 GB"; both units are written when they differ. */
export function bytesOf(done: number, total: number): string {
  const [part, whole] = [scaled(done), scaled(total)];
  const isSame = part.unit === whole.unit && part.unit !== "byte";
  const digits = { maximumFractionDigits: part.amount < 99.95 ? 1 : 0 };
  return t("app.of", { done: isSame ? numberFormat(digits).format(part.amount) : bytes(done), total: bytes(total) });
}

/** Bytes a second: "42.6 MB/s"; the digits don't come and go while it changes. */
export function rate(value: number): string {
  const { amount, unit } = scaled(value);
  if (unit === "byte") return numberFormat({ style: "unit", unit: "kilobyte-per-second", maximumFractionDigits: 0 }).format(value > 0 ? 1 : 0);
  const digits = amount < 99.95 && unit !== "kilobyte" ? 1 : 0;
  const fraction = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  return numberFormat({ style: "unit", unit: `${unit}-per-second`, ...fraction }).format(amount);
}

function scaled(value: number): { amount: number; unit: (typeof UNITS)[number] } {
  let amount = Math.max(0, value);
  let step = 0;
  // 999.95 would be written as 1000.
  while (amount >= STEP - 0.5 && step < UNITS.length - 1) {
    amount /= STEP;
    step += 1;
  }
  return { amount, unit: UNITS[step] ?? "byte" };
}

/** Seconds, roughly: "40 sec", "18 min", "3 hr 20 min", "2 days". Coarse on purpose: it is an estimate. */
export function duration(seconds: number): string {
  const unit = (value: number, name: string) => numberFormat({ style: "unit", unit: name, maximumFractionDigits: 0 }, locale.language).format(value);
  const exact = Math.max(1, Math.round(seconds));
  if (exact < MINUTE) return unit(exact > 10 ? Math.round(exact / 5) * 5 : exact, "second");
  if (exact < HOUR) return unit(Math.round(exact / MINUTE), "minute");
  const minutes = Math.round(exact / MINUTE / 10) * 10;
  if (exact < DAY) {
    const hours = unit(Math.floor(minutes / 60), "hour");
    return minutes % 60 === 0 || exact > 5 * HOUR ? hours : `${hours} ${unit(minutes % 60, "minute")}`;
  }
  return unit(Math.round(exact / DAY), "day");
}

/** A part of a whole, 0..1: "42%". Never 100 % before it is whole. */
export function percent(part: number): string {
  const shown = part < 1 ? Math.min(0.99, Math.floor(part * 100) / 100) : 1;
  return numberFormat({ style: "percent" }).format(shown);
}

/** Unix seconds: "Today, 09:41", "Yesterday, 18:02", "12 Mar 2026". */
export function date(at: number, now = Date.now()): string {
  const then = new Date(at * 1000);
  const days = Math.round((midnight(new Date(now)) - midnight(then)) / (DAY * 1000));
  if (days !== 0 && days !== 1) return new Intl.DateTimeFormat(locale.tag, { dateStyle: "medium" }).format(then);
  const day = new Intl.RelativeTimeFormat(locale.tag, { numeric: "auto" }).format(-days, "day");
  return t("app.day-time", { day: day.charAt(0).toLocaleUpperCase(locale.tag) + day.slice(1), time: time(at) });
}

/** Unix seconds, of which the day is known: "09:41". */
export function time(at: number): string {
  return new Intl.DateTimeFormat(locale.tag, { timeStyle: "short" }).format(new Date(at * 1000));
}

function midnight(day: Date): number {
  return new Date(day.getFullYear(), day.getMonth(), day.getDate()).getTime();
}
