// The schedule between the engine's text ("22:00-07:00", "mon,tue") and the fields of the screen.

export const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;
export type Day = (typeof DAYS)[number];

export interface Hours {
  from: string; // "22:00"
  to: string;
}

/** "7:5", "7.05" and "7:05 am" are "07:05", "7 pm" is "19:00"; null when it is no time of the day. */
export function time(text: string): string | null {
  const [, hour, minute = "0", half] = /^\s*(\d{1,2})(?:[:.](\d{1,2}))?\s*([ap])?\.?(?:m\.?)?\s*$/iu.exec(text) ?? [];
  if (hour === undefined || Number(minute) > 59) return null;
  const isHalf = half !== undefined;
  if (isHalf ? Number(hour) < 1 || Number(hour) > 12 : Number(hour) > 23) return null;
  const from12 = (Number(hour) % 12) + (half?.toLowerCase() === "p" ? 12 : 0);
  return `${String(isHalf ? from12 : Number(hour)).padStart(2, "0")}:${minute.padStart(2, "0")}`;
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

/** Days in the order of `week`, with three or more in a row as one run: Mon Tue Wed Fri is [Mon, Wed] [Fri, Fri]. */
export function runs(week: readonly Day[], days: readonly Day[]): [first: Day, last: Day][] {
  const found: Day[][] = [];
  for (const [index, day] of week.entries()) {
    if (!days.includes(day)) continue;
    const before = week[index - 1];
    const run = found.at(-1);
    if (run && before !== undefined && run.at(-1) === before) run.push(day);
    else found.push([day]);
  }
  return found.flatMap((run): [Day, Day][] => {
    const [first, last] = [run[0], run.at(-1)];
    return run.length > 2 && first && last ? [[first, last]] : run.map((day) => [day, day]);
  });
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
