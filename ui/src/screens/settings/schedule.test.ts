import { describe, expect, it } from "vitest";
import { DAYS, dayName, daysOf, daysText, hoursOf, hoursText, overnight, runs, time, timeName, week } from "./schedule";

describe("hours", () => {
  it("takes times as people and fields write them", () => {
    expect(["22:00", "7:5", " 9.30 ", "22"].map(time)).toEqual(["22:00", "07:05", "09:30", "22:00"]);
    expect(["10:00 PM", "12:00\u202fAM", "7 p.m.", "12:30 pm", "1am"].map(time)).toEqual(["22:00", "00:00", "19:00", "12:30", "01:00"]);
    expect(["24:00", "12:60", "noon", "", "13 pm", "0 am", "-1:00", "1:00:00"].map(time)).toEqual(Array(8).fill(null));
  });

  it("goes to the engine's text and back", () => {
    const hours = hoursOf("22:00-07:00");
    expect(hours).toEqual({ from: "22:00", to: "07:00" });
    expect(hours && hoursText(hours)).toBe("22:00-07:00");
    expect(["22:00", "22:00-25:00", "a-b", "1:00-2:00-3:00", ""].map(hoursOf)).toEqual([null, null, null, null, null]);
  });

  it("knows when they go past midnight", () => {
    expect(overnight({ from: "22:00", to: "07:00" })).toBe(true);
    expect(overnight({ from: "09:00", to: "17:00" })).toBe(false);
    expect(overnight({ from: "09:00", to: "09:00" })).toBe(true);
  });

  it("are written as the language does", () => {
    expect(timeName("22:00", "de")).toBe("22:00");
    expect(timeName("22:00", "en-US")).toMatch(/^10:00\sPM$/u);
  });
});

describe("days", () => {
  it("keep the week's order", () => {
    expect(daysOf("sun, MON,tue,someday")).toEqual(["mon", "tue", "sun"]);
    expect(daysText(["sun", "mon"])).toBe("mon,sun");
    expect(daysOf("")).toEqual([]);
    expect(daysOf(daysText(DAYS))).toEqual([...DAYS]);
  });

  it("are told as runs", () => {
    const told = (text: string) => runs(DAYS, daysOf(text)).map((run) => run.join("-")).join(" ");
    expect(told("mon,tue,wed,thu,fri")).toBe("mon-fri");
    expect(told("mon,tue,wed,fri")).toBe("mon-wed fri-fri");
    expect(told("sat,sun,mon")).toBe("mon-mon sat-sat sun-sun");
    expect(runs(week("en-US"), daysOf("sun,mon,tue"))).toEqual([["sun", "tue"]]);
  });

  it("begin where the language's week begins", () => {
    expect(week("de")[0]).toBe("mon");
    expect(week("de")).toHaveLength(7);
    expect(week("en-US")[0]).toBe("sun");
  });

  it("have names", () => {
    expect(DAYS.map((day) => dayName(day, "en", "short"))).toEqual(["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]);
    expect(dayName("thu", "de", "long")).toBe("Donnerstag");
  });
});
