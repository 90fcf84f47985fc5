// What became of an item, as a text to keep: what it is, where it came from, what was left out. In English, like every log.
import type { ItemView, LinkView, Report } from "../../api/types";

export function reportText(item: ItemView, report: Report, link: LinkView | null): string {
  const about = [
    ["Name", item.name],
    ["Kind", item.kind],
    ["State", item.state],
    ["Added", new Date(item.created * 1000).toISOString()],
    ["Path", report.path ?? item.path ?? ""],
    ["Bytes", `${item.done} of ${item.total}`],
    ["Files", String(item.files)],
    ["CID", item.cid ?? ""],
    ["Link", link?.link ?? ""],
    ["Seconds", String(report.secs)],
  ];
  const sources = report.sources.map(({ peer, bytes }) => `${peer}\t${bytes}`);
  const skipped = report.skipped.map(({ path, reason }) => `${path}\t${reason}`);
  return [
    ...about.map(([name, value]) => `${name}: ${value}`),
    ...section("Sources (peer, bytes)", sources),
    ...section("Left out (path, reason)", skipped),
    "",
  ].join("\n");
}

function section(title: string, lines: string[]): string[] {
  return lines.length === 0 ? [] : ["", title, ...lines];
}
