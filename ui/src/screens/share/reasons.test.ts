import { expect, it } from "vitest";
import { reasonText } from "./reasons";

/** As the engine says it: import/walk.rs, import/withheld.rs and import/hash.rs of the store, fetch/plan/, fetch/worker.rs and the CIDs of unixfs. */
const SAID = [
  "you may not read it",
  "it is not there",
  "it cannot be read: Input/output error (os error 5)",
  "it is a pipe",
  "it is no file",
  "it is hidden",
  "it is a download that is not finished",
  "it is Shoal's own data",
  "this disk holds no files of 4 GiB and more",
  "changed while the folder was being read",
  "it changed while it was being read",
  "it is damaged: another kind of block belongs there",
  "it holds dag-cbor, which is no part of a file or folder",
  "it uses the hash function md5, which Shoal can't check",
  "a digest of 16 bytes is too short for the hash function sha2-256",
  "it has no name",
  "an entry before it has the same name",
  "the symlink points outside the item",
  "the symlink's target is not a path that this computer can hold",
  "symlinks cannot be made there",
  "1 block that belongs to nothing in it",
  "5 blocks that belong to nothing in it",
  "and 12 more were left out",
];

it("says every reason in words of its own", () => {
  const shown = SAID.filter((said) => reasonText(said).toLowerCase() === said.toLowerCase());
  // What is the same in English on purpose.
  expect(shown).toEqual(["you may not read it", "it is hidden", "this disk holds no files of 4 GiB and more"]);
});

it("says what it does not know as the engine does", () => {
  expect(reasonText("something new")).toBe("Something new");
  expect(reasonText("saved as a_b.mp4")).toBe("Saved as a_b.mp4");
});
