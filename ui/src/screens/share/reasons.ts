// Why something was left out, in the present language: the engine says it in English.
import { type Key, t } from "../../lib/i18n";

/** How what the engine says begins. */
const BEGINNINGS: readonly (readonly [string, Key])[] = [
  ["you may not read it", "share.reason.denied"],
  ["it is not there", "share.reason.gone"],
  ["it cannot be read", "share.reason.unreadable"],
  ["it is a pipe", "share.reason.special"],
  ["it is a socket", "share.reason.special"],
  ["it is a device", "share.reason.special"],
  ["it is no file", "share.reason.special"],
  ["it is hidden", "share.reason.hidden"],
  ["it is a download that is not finished", "share.reason.unfinished"],
  ["it is Shoal's own data", "share.reason.own"],
  ["this disk holds no files of 4 GiB and more", "share.reason.over-disk"],
  ["changed while the folder was being read", "share.reason.changed"],
  ["it changed while it was being read", "share.reason.changed"],
  ["it is damaged", "share.reason.damaged"],
  ["it holds ", "share.reason.no-file"],
  ["it uses the hash function ", "share.reason.hash"],
  ["a digest of ", "share.reason.hash"],
  ["it has no name", "share.reason.nameless"],
  ["an entry before it has the same name", "share.reason.doubled"],
  ["the symlink points outside the item", "share.reason.outside"],
  ["the symlink's target is not a path", "share.reason.symlink"],
  ["symlinks cannot be made there", "share.reason.symlink"],
];

/** All is there, by a name that the disk can hold. */
const SAVED_AS = "saved as ";
/** Of a CAR file. */
const FOREIGN = /^(\d+) blocks? that belongs? to nothing in it$/u;
/** More than the engine names. */
const MORE = /^and (\d+) more were left out$/u;

export function isRenamed(reason: string): boolean {
  return reason.startsWith(SAVED_AS);
}

/** What the engine says when there is no translation. */
export function reasonText(reason: string): string {
  if (isRenamed(reason)) return t("share.reason.saved-as", { name: reason.slice(SAVED_AS.length) });
  const foreign = FOREIGN.exec(reason);
  if (foreign) return t("share.reason.foreign", { count: Number(foreign[1]) });
  const more = MORE.exec(reason);
  if (more) return t("share.skipped.more", { count: Number(more[1]) });
  const known = BEGINNINGS.find(([beginning]) => reason.startsWith(beginning));
  return known === undefined ? reason.charAt(0).toUpperCase() + reason.slice(1) : t(known[1]);
}
