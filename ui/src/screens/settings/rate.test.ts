import { describe, expect, it } from "vitest";
import { amountOf, limitOf, parseRate, unitOf } from "./rate";

describe("limits", () => {
  it("reads the engine's text, and nothing else", () => {
    expect(["0", "", "off", "-5", "1.5", "250000"].map(limitOf)).toEqual([null, null, null, null, null, 250_000]);
  });

  it("shows a rate in the unit that reads best, with the language's decimal sign", () => {
    expect([999_000, 1_000_000].map(unitOf)).toEqual(["kB/s", "MB/s"]);
    expect(amountOf(2_500_000, "MB/s", "en")).toBe("2.5");
    expect(amountOf(2_500_000, "MB/s", "de")).toBe("2,5");
    expect(amountOf(1_234_567_000, "MB/s", "de")).toBe("1234,567");
  });

  it("understands both decimal signs", () => {
    for (const typed of ["2.5", "2,5", " 2.5 ", "2.500"]) expect(parseRate(typed, "MB/s")).toEqual({ bytes: 2_500_000 });
    expect(parseRate("500", "kB/s")).toEqual({ bytes: 500_000 });
    expect(parseRate(",5", "MB/s")).toEqual({ bytes: 500_000 });
    expect(parseRate("1.", "kB/s")).toEqual({ bytes: 1_000 });
  });

  it("names the mistake", () => {
    expect(parseRate("", "MB/s")).toEqual({ mistake: "empty" });
    for (const typed of ["fast", "1,000,000", "-1", "1e6", "0x10"]) {
      expect(parseRate(typed, "kB/s")).toEqual({ mistake: "not-a-number" });
    }
    expect(parseRate("0", "MB/s")).toEqual({ mistake: "too-slow" });
    expect(parseRate("0.5", "kB/s")).toEqual({ mistake: "too-slow" });
    expect(parseRate("999999999", "MB/s")).toEqual({ mistake: "too-fast" });
  });

  it("gives back what it showed", () => {
    for (const bytes of [1_000, 64_000, 999_999, 1_000_000, 12_345_000, 2_500_000]) {
      const unit = unitOf(bytes);
      expect(parseRate(amountOf(bytes, unit, "de"), unit)).toEqual({ bytes });
    }
  });
});
