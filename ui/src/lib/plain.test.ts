import { describe, expect, it } from "vitest";
import { plain } from "./plain";

describe("a name that others chose", () => {
  it("can't be read as another", () => {
    expect(plain("photo\u202egnp.exe")).toBe("photo\ufffdgnp.exe");
    expect(plain("\u2066a\u2069\u200fb")).toBe("\ufffda\ufffd\ufffdb");
  });

  it("keeps what its language needs", () => {
    for (const name of ["grüße 世界.txt", "می\u200cخواهم", "👩\u200d👧.png", "שלום.pdf"]) expect(plain(name)).toBe(name);
  });
});
