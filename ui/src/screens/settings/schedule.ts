// The schedule between the engine's text ("22:00-07:00", "mon,tue") and the fields of the screen.

export const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;
export type Day = (typeof DAYS)[number];

export interface Hours {
  from: string; // "22:00"
  to: string;
}

/** "7:5" and "07:05:00" are "07:05"; null when it is no time of the day. */
export function time(text: string): string | null {
  const [, hour, minute] = /^\s*(\d{1,2})[:.](\d{1,2})(?::\d{1,2})?\s*$/u.exec(text) ?? [];
  if (hour === undefined || minute === undefined || Number(hour) > 23 || Number(minute) > 59) return null;
  return `${hour.padStart(2, "0")}:${minute.padStart(2, "0")}`;
}

export function hoursOf(value: string): Hours | null {
  const [from, to, more] = value.split("-").map(time);
  return from && to && more === undefined ? { from, to } : null;
}

export function hoursText({ from, to }: Hours): string {
  return `${from}-${to}`;
}

/** Whether the hours go past midnight into the next day. */
export function overnight({ from, to }: Hours): boolean {
  return to <= from;
}

/** The days in the week's order, whatever order the text has; unknown words are left out. */
export function daysOf(value: string): Day[] {
  const named = new Set(value.split(",").map((day) => day.trim().toLowerCase()));
  return DAYS.filter((day) => named.has(day));
}

export function daysText(days: readonly Day[]): string {
  return DAYS.filter((day) => days.includes(day)).join(",");
}

/** The days from the one with which a week begins in this language. */
export function week(language: string): Day[] {
  const first = firstDay(language) - 1;
  return [...DAYS.slice(first), ...DAYS.slice(0, first)];
}

/** 1 is Monday, 7 Sunday. Web views differ in how they tell; some don't. */
function firstDay(language: string): number {
  const locale = new Intl.Locale(language) as Intl.Locale & {
    getWeekInfo?: () => { firstDay: number };
    weekInfo?: { firstDay: number };
  };
  return (locale.getWeekInfo?.() ?? locale.weekInfo)?.firstDay ?? 1;
}

export function dayName(day: Day, language: string, length: "short" | "long"): string {
  // 2024-01-01 was a Monday.
  const date = new Date(Date.UTC(2024, 0, 1 + DAYS.indexOf(day)));
  return new Intl.DateTimeFormat(language, { weekday: length, timeZone: "UTC" }).format(date);
}

/** "22:00" as the language writes it. */
export function timeName(text: string, language: string): string {
  const [hour, minute] = text.split(":").map(Number);
  const date = new Date(Date.UTC(2024, 0, 1, hour, minute));
  return new Intl.DateTimeFormat(language, { timeStyle: "short", timeZone: "UTC" }).format(date);
}
