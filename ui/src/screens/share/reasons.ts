// Why something was left out, in the present language: the engine says it in English.
import { type Key, t } from "../../lib/i18n";

const REASONS: Record<string, Key> = {
  "you may not read it": "share.reason.denied",
  "it is not there": "share.reason.gone",
  "it is a pipe": "share.reason.special",
  "it is a socket": "share.reason.special",
  "it is a device": "share.reason.special",
  "it is no file": "share.reason.special",
  "it is hidden": "share.reason.hidden",
  "it is a download that is not finished": "share.reason.unfinished",
  "it is Shoal's own data": "share.reason.own",
  "this disk holds no files of 4 GiB and more": "share.reason.over-disk",
  "changed while the folder was being read": "share.reason.changed",
};

/** All is there, by a name that the disk can hold. */
const SAVED_AS = "saved as ";

export function isRenamed(reason: string): boolean {
  return reason.startsWith(SAVED_AS);
}

/** What the engine says when there is no translation. */
export function reasonText(reason: string): string {
  if (isRenamed(reason)) return t("share.reason.saved-as", { name: reason.slice(SAVED_AS.length) });
  const key = REASONS[reason];
  return key === undefined ? reason.charAt(0).toUpperCase() + reason.slice(1) : t(key);
}
