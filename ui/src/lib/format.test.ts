import { afterEach, describe, expect, it } from "vitest";
import { bytes, bytesOf, date, duration, percent, rate } from "./format";
import { locale } from "../stores/locale.svelte";

afterEach(() => locale.use("en", "en-GB"));

describe("bytes", () => {
  it("keeps one digit after the point under a hundred", () => {
    expect(bytes(0)).toBe("0 bytes");
    expect(bytes(1)).toBe("1 byte");
    expect(bytes(999)).toBe("999 bytes");
    expect(bytes(248_000)).toBe("248 kB");
    expect(bytes(5.2e9)).toBe("5.2 GB");
    expect(bytes(36e6)).toBe("36 MB");
    expect(bytes(999_999)).toBe("1 MB");
  });

  it("follows the language", async () => {
    await locale.use("de", null);
    expect(bytes(5.2e9)).toBe("5,2\u00a0GB");
  });

  it("writes the unit once when it is the same", () => {
    expect(bytesOf(3.2e9, 5.2e9)).toBe("3.2 of 5.2 GB");
    expect(bytesOf(800e6, 5.2e9)).toBe("800 MB of 5.2 GB");
  });
});

describe("rate", () => {
  it("keeps its digits while it changes", () => {
    expect(rate(38e6)).toBe("38.0 MB/s");
    expect(rate(38.44e6)).toBe("38.4 MB/s");
    expect(rate(412e6)).toBe("412 MB/s");
    expect(rate(8_400)).toBe("8 kB/s");
    expect(rate(0)).toBe("0 kB/s");
    expect(rate(12)).toBe("1 kB/s");
  });
});

describe("duration", () => {
  it("is as coarse as an estimate", () => {
    expect(duration(0.2)).toBe("1 sec");
    expect(duration(43)).toBe("45 sec");
    expect(duration(59.6)).toBe("1 min");
    expect(duration(1090)).toBe("18 min");
    expect(duration(12_000)).toBe("3 hr 20 min");
    expect(duration(7200)).toBe("2 hr");
    expect(duration(200_000)).toBe("2 days");
  });
});

describe("percent", () => {
  it("says 100 % only of what is whole", () => {
    expect(percent(0.4259)).toBe("42%");
    expect(percent(0.9999)).toBe("99%");
    expect(percent(1)).toBe("100%");
  });
});

describe("date", () => {
  const now = new Date(2026, 10, 22, 18, 0).getTime();
  const at = (day: number) => new Date(2026, 10, day, 9, 41).getTime() / 1000;

  it("names today and yesterday", () => {
    expect(date(at(22), now)).toBe("Today, 09:41");
    expect(date(at(21), now)).toBe("Yesterday, 09:41");
    expect(date(at(2), now)).toBe("2 Nov 2026");
  });
});
