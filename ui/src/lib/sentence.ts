// The one sentence of an item: what happens with it now, and how long it will take.
import type { ItemView } from "../api/types";
import { bytesOf, duration, percent } from "./format";
import { t } from "./i18n";
import { problemText } from "./problem";

const SEPARATOR = " · ";

export function sentence(item: ItemView): string {
  const said = state(item);
  return item.skipped > 0 && item.state === "sharing" ? said + SEPARATOR + t("library.sentence.skipped", { count: item.skipped }) : said;
}

function state(item: ItemView): string {
  switch (item.state) {
    case "hashing":
      return hashing(item);
    case "finding":
      return finding(item);
    case "downloading":
      return downloading(item);
    case "verifying":
      return t("library.sentence.verifying", { part: percent(part(item) ?? 0) });
    case "sharing":
      return sharing(item);
    case "paused":
      return paused(item);
    case "needs-you":
      return problemText(item.problem, item.kind);
  }
}

/** How much is here, 0..1; null while nobody knows how much there is. */
export function part(item: ItemView): number | null {
  return item.total > 0 ? Math.min(1, item.done / item.total) : null;
}

/** Whether a bar says more than the sentence: something fills up, or stopped half-way. */
export function hasBar(item: ItemView): boolean {
  switch (item.state) {
    case "hashing":
    case "downloading":
    case "verifying":
      return part(item) !== null;
    case "finding":
    case "paused":
      return item.done > 0 && item.done < item.total;
    default:
      return false;
  }
}

function hashing(item: ItemView): string {
  if (item.total === 0) return t("library.sentence.hashing-start");
  const done = bytesOf(item.done, item.total);
  const ready = t("library.sentence.hashing", { done });
  return item.eta === null ? ready : ready + SEPARATOR + left(item.eta);
}

function finding(item: ItemView): string {
  if (item.lacking) return t("library.sentence.lacking", { part: percent(part(item) ?? 0), ...item.lacking });
  if (item.unreachable > 0) return t("library.sentence.unreachable", { unreachable: item.unreachable });
  const values = { having: item.having, part: percent(part(item) ?? 0) };
  if (item.done > 0) return t(item.having > 0 ? "library.sentence.awaiting-again" : "library.sentence.finding-again", values);
  return item.having > 0 ? t("library.sentence.awaiting", values) : t("library.sentence.finding");
}

function downloading(item: ItemView): string {
  if (item.peers === 0) return t("library.sentence.waiting");
  const values = { peers: item.peers, having: Math.max(item.peers, item.having) };
  const from = item.peers >= item.having ? t("library.sentence.from-all", values) : t("library.sentence.from-some", values);
  return item.eta === null ? from : t("library.sentence.with-time", { from, left: left(item.eta) });
}

function sharing(item: ItemView): string {
  const start = t(item.kind === "download" ? "library.sentence.downloaded" : "library.sentence.shared");
  if (item.peers > 0) return start + SEPARATOR + t("library.sentence.fetching", { peers: item.peers });
  if (item.having > 0) return start + SEPARATOR + t("library.sentence.having", { having: item.having });
  return start + SEPARATOR + t("library.sentence.nobody");
}

function paused(item: ItemView): string {
  const whole = item.total > 0 && item.done >= item.total;
  if (whole) return t("library.sentence.paused-share");
  if (item.done === 0) return t("library.sentence.paused");
  return t(item.kind === "share" ? "library.sentence.paused-ready" : "library.sentence.paused-here", { part: percent(part(item) ?? 0) });
}

function left(seconds: number): string {
  return t("app.left", { time: duration(seconds) });
}
