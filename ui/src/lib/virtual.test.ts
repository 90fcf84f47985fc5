import { describe, expect, it } from "vitest";
import { asked, reveal, visible } from "./virtual";

describe("visible", () => {
  it("draws what the viewport touches, and some more", () => {
    expect(visible(0, 680, 68, 1000, 0)).toEqual({ first: 0, end: 10 });
    expect(visible(34, 680, 68, 1000, 0)).toEqual({ first: 0, end: 11 });
    expect(visible(6800, 680, 68, 1000, 5)).toEqual({ first: 95, end: 115 });
  });

  it("ends with the list", () => {
    expect(visible(0, 680, 68, 3, 5)).toEqual({ first: 0, end: 3 });
    expect(visible(67_400, 680, 68, 1000, 5)).toEqual({ first: 986, end: 1000 });
    expect(visible(0, 680, 68, 0, 5)).toEqual({ first: 0, end: 0 });
  });

  it("holds when the list became shorter than where it stands", () => {
    expect(visible(67_400, 680, 68, 20, 5)).toEqual({ first: 20, end: 20 });
  });
});

describe("asked", () => {
  it("stays the same while scrolling a little", () => {
    expect(asked({ first: 40, end: 62 }, 25)).toEqual({ first: 0, end: 100 });
    expect(asked({ first: 49, end: 71 }, 25)).toEqual({ first: 0, end: 100 });
  });

  it("moves by whole steps", () => {
    expect(asked({ first: 50, end: 76 }, 25)).toEqual({ first: 25, end: 125 });
  });
});

describe("reveal", () => {
  it("scrolls only as far as needed", () => {
    expect(reveal(3, 0, 680, 68)).toBe(0);
    expect(reveal(10, 0, 680, 68)).toBe(68);
    expect(reveal(2, 500, 680, 68)).toBe(136);
  });
});
