import { expect, it } from "vitest";
import { matches, shown } from "./keys";

const plain = { ctrlKey: false, metaKey: false, shiftKey: false, altKey: false };

it("takes Ctrl, or the Mac's own key", () => {
  const find = { key: "f", mod: true };
  expect(matches({ ...plain, key: "f", ctrlKey: true }, find, false)).toBe(true);
  expect(matches({ ...plain, key: "f", ctrlKey: true }, find, true)).toBe(false);
  expect(matches({ ...plain, key: "f", metaKey: true }, find, true)).toBe(true);
  expect(matches({ ...plain, key: "f" }, find, false)).toBe(false);
});

it("asks for Shift with letters and named keys only", () => {
  expect(matches({ ...plain, key: "?", shiftKey: true }, { key: "?" }, false)).toBe(true);
  expect(matches({ ...plain, key: "N", ctrlKey: true, shiftKey: true }, { key: "n", mod: true }, false)).toBe(false);
  expect(matches({ ...plain, key: "Delete", shiftKey: true }, { key: "Delete", shift: true }, false)).toBe(true);
});

it("shows keys as they stand on the keyboard", () => {
  expect(shown({ key: "n", mod: true, shift: true }, false)).toBe("Ctrl+Shift+N");
  expect(shown({ key: "n", mod: true, shift: true }, true)).toBe("⌘⇧N");
  expect(shown({ key: " " }, false)).toBe("Space");
});
