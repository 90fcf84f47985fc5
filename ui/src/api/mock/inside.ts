// What is inside the mock's items: files, people, pieces.
import type { FilesRequest, FilesView, FileView, ItemView, PersonView, PiecesView, Report } from "../types";
import { random } from "./data";

const NAMES = ["contours, 1:25,000", "satellite, summer", "trails.gpkg", "README.txt", "cover.jpg", "intro.mp4", "track 01.flac", "notes.md", "légende.pdf", "地图.png"];
/** What such files weigh at most (bytes); a text weighs what it is. */
const WEIGHTS: Record<string, number> = { jpg: 3_400_000, pdf: 2_600_000, png: 5_800_000, flac: 38_000_000, mp4: 412_000_000 };
const MANY = 100_000;
const CELLS = 480;

/** What was chosen and put first, by item and path. */
type Said = Partial<Pick<FileView, "chosen" | "priority">>;
const said = new WeakMap<ItemView, Map<string, Said>>();

/** Two levels of folders; the folder "many" holds 100,000 files. */
export function files(item: ItemView, { dir, offset, limit }: FilesRequest): FilesView {
  const part = item.total > 0 ? item.done / item.total : 0;
  const here = dir === "" ? "" : `${dir}/`;
  const file = (name: string, size: number, more: Partial<FileView> = {}): FileView => {
    const seed = random(name.length * 31 + here.length)();
    const done = Math.round(size * (part >= 1 ? 1 : Math.min(1, Math.max(0, part * 1.6 - seed * 0.6))));
    const view: FileView = { name, path: here + name, kind: "file", size, done, files: 1, chosen: "all", priority: "normal", state: "ok", ...more };
    return Object.assign(view, about(item, view.path));
  };
  if (item.state === "finding") return { total: 0, entries: [] };
  if (!item.folder) return { total: 1, entries: offset === 0 ? [file(item.name, item.total, { done: item.done })] : [] };
  const share = item.total / 20;
  if (dir.endsWith("many")) {
    const length = Math.max(0, Math.min(limit, MANY - offset));
    return { total: MANY, entries: Array.from({ length }, (_, index) => file(`IMG_${String(100_000 + offset + index)}.jpg`, 4_200_000)) };
  }
  const partly = item.kind === "download" && part < 1;
  const all = [
    ...(dir.split("/").length < 2 ? [file("extras", share * 4, { kind: "folder", files: 9 }), file("many", share * 6, { kind: "folder", files: MANY, chosen: partly ? "some" : "all" })] : []),
    ...NAMES.map((name, index) => file(name, weight(name, Math.round(share * (1 + index / 3))), special(index, partly, item.state === "needs-you"))),
    file("latest", 0, { kind: "symlink" }),
  ];
  return { total: all.length, entries: all.slice(offset, offset + limit) };
}

function weight(name: string, share: number): number {
  if (/\.(md|txt)$/.test(name)) return new TextEncoder().encode(TEXT).length;
  return Math.min(share, WEIGHTS[name.slice(name.lastIndexOf(".") + 1)] ?? share);
}

function special(index: number, partly: boolean, changed: boolean): Partial<FileView> {
  if (changed && index === 2) return { state: "changed" };
  if (changed && index === 4) return { state: "missing", done: 0 };
  if (partly && index === 1) return { chosen: "none", done: 0 };
  return partly && index === 5 ? { priority: "high" } : {};
}

/** What was said last about a path or about a folder around it. */
function about(item: ItemView, path: string): Said {
  const all = said.get(item);
  return [...(all ?? [])].reduce((sum, [of, what]) => (path === of || path.startsWith(`${of}/`) ? { ...sum, ...what } : sum), {});
}

/** Chooses, leaves out or puts first. */
export function say(item: ItemView, paths: readonly string[], what: Said): void {
  const all = said.get(item) ?? new Map<string, Said>();
  for (const path of paths) {
    const before = all.get(path);
    all.delete(path);
    all.set(path, { ...before, ...what });
  }
  said.set(item, all);
}

export function people(item: ItemView | null): PersonView[] {
  const howMany = item === null ? 23 : item.peers;
  const next = random(5);
  return Array.from({ length: howMany }, (_, index) => ({
    peer: `12D3KooW${Array.from({ length: 44 }, () => "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"[Math.floor(next() * 49)]).join("")}`,
    app: index % 7 === 6 ? null : index % 3 === 2 ? "kubo/0.43.0" : "Shoal 0.1.0",
    rate_down: index % 2 === 0 ? Math.round(((item?.rate_down ?? 20e6) / Math.max(1, howMany)) * (0.5 + next())) : 0,
    rate_up: index % 2 === 1 ? Math.round(next() * 2e6) : 0,
    received: Math.round(next() * 4e9),
    sent: Math.round(next() * 1e9),
    how: index % 9 === 4 ? "relay" : index % 5 === 1 ? "nearby" : "direct",
    transport: index % 2 === 0 ? "quic" : "tcp",
    address: `/ip4/198.51.100.${index + 1}/udp/4001/quic-v1`,
    inbound: index % 2 === 1,
    trusted: index === 2,
    rtt_ms: index % 8 === 7 ? null : Math.round(4 + next() * 180),
    has: item === null || index % 6 === 5 ? null : index % 2 === 0 ? 1 : Math.round(next() * 100) / 100,
  }));
}

export function pieces(item: ItemView): PiecesView {
  const blocks = Math.max(1, Math.ceil(item.total / 1_048_576));
  const part = item.total > 0 ? item.done / item.total : 0;
  const next = random(4);
  const count = Math.min(CELLS, blocks);
  const cells = Array.from({ length: count }, (_, index) => {
    if (part >= 1) return 100;
    const at = index / count;
    if (at < part * 0.7) return 100;
    if (item.state === "downloading" && at < part * 0.7 + 0.04) return 255;
    return next() < part * 0.5 ? 100 : next() < 0.1 ? Math.floor(next() * 100) : 0;
  });
  return { blocks, here: Math.floor(blocks * part), asked: item.state === "downloading" ? 20 : 0, cells };
}

export function report(item: ItemView): Report {
  const next = random(6);
  const names = ["12D3KooWAnnaDesktopq7Rk4fT", "12D3KooWnP2cLivingRoomNas7", "12D3KooWq7RkKitchenLaptop3"];
  const sources = item.kind === "share" ? [] : names.map((peer) => ({ peer, bytes: Math.round(item.done * next() * 0.6) }));
  const skipped = [
    { path: "private/diary.txt", reason: "you may not read it" },
    { path: "tmp/socket", reason: "it is a socket" },
  ];
  return { path: item.path, skipped: skipped.slice(0, item.skipped), sources, secs: 84, last: { sources: [], secs: 0, was_here: false }, undressed: false, also: [], missing: { here: 300, files: item.lacking ? ["extras/intro.mp4", "many/file 00012.dat"] : [], count: item.lacking ? 12 : 0, folders: [] }, checks: 0, checked: null, kept_away: [] };
}

/** Contents for previews: a picture, a text, a second of silence. What is a film fails, as some do. */
export function previewUrl(path: string): string {
  if (/\.(jpe?g|png)$/i.test(path)) return `data:image/svg+xml,${encodeURIComponent(PICTURE)}`;
  if (/\.(flac|mp3)$/i.test(path)) return `data:audio/wav;base64,UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA=`;
  if (/\.(md|txt)$/i.test(path)) return `data:text/plain;charset=utf-8,${encodeURIComponent(TEXT)}`;
  return "data:application/octet-stream,";
}

const PICTURE =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1200 800"><linearGradient id="a" x2="0" y2="1"><stop stop-color="#f6c28b"/><stop offset="1" stop-color="#4b7f8c"/></linearGradient>' +
  '<path fill="url(#a)" d="M0 0h1200v800H0z"/><circle cx="820" cy="300" r="90" fill="#fff2d8"/><path fill="#24505b" d="M0 620 260 380l180 170 210-250 330 330 220-130v300H0z"/></svg>';
const TEXT = `# Open maps of the Alps\n\nContours, trails and pictures, free to use.\n\n${"Größe, 地図, ελληνικά: every text keeps its letters. ".repeat(60)}\n`;
