import { describe, expect, it } from "vitest";
import { decodeText, previewKind } from "./preview";

describe("what a preview shows", () => {
  it.each([
    ["Harbour.MKV", "video"],
    ["a.b/cover.jpeg", "image"],
    ["drawing.svg", "image"],
    ["page.html", "text"],
    ["README", "text"],
    ["song.opus", "audio"],
    ["setup.exe", null],
    ["archive.tar.gz", null],
  ])("%s: %s", (name, kind) => {
    expect(previewKind(name)).toBe(kind);
  });
});

describe("bytes as text", () => {
  const utf8 = (text: string) => new TextEncoder().encode(text);

  it("reads UTF-8, also when it ends within a character", () => {
    expect(decodeText(utf8("Grüße, 世界"))).toBe("Grüße, 世界");
    expect(decodeText(utf8("Grüße, 世界").slice(0, -1))).toBe("Grüße, 世");
  });

  it("reads what older programs wrote", () => {
    expect(decodeText(Uint8Array.of(0x47, 0x72, 0xfc, 0xdf, 0x65))).toBe("Grüße");
    expect(decodeText(Uint8Array.of(0xff, 0xfe, 0x48, 0x00, 0x69, 0x00))).toBe("Hi");
    expect(decodeText(Uint8Array.of(0xfe, 0xff, 0x00, 0x48, 0x00, 0x69))).toBe("Hi");
    expect(decodeText(Uint8Array.of(0xef, 0xbb, 0xbf, 0x48, 0x69))).toBe("Hi");
  });

  it("takes nothing else for text", () => {
    expect(decodeText(Uint8Array.of(0x4d, 0x5a, 0x90, 0x00, 0x03))).toBeNull();
    expect(decodeText(Uint8Array.from({ length: 100 }, (_, at) => (at % 8) + 1))).toBeNull();
    expect(decodeText(new Uint8Array())).toBe("");
  });
});
