// What is inside the mock's items: files, people, pieces.
import type { FilesRequest, FilesView, FileView, ItemView, PersonView, PiecesView } from "../types";
import { random } from "./data";

const NAMES = ["contours, 1:25,000", "satellite, summer", "trails.gpkg", "README.txt", "cover.jpg", "intro.mp4", "track 01.flac", "notes.md", "légende.pdf", "地图.png"];
const MANY = 1200;
const CELLS = 480;

/** Two levels of folders; the folder "many" holds 1,200 files. */
export function files(item: ItemView, { dir, offset, limit }: FilesRequest): FilesView {
  const part = item.total > 0 ? item.done / item.total : 0;
  const here = dir === "" ? "" : `${dir}/`;
  const file = (name: string, size: number, more: Partial<FileView> = {}): FileView => {
    const seed = random(name.length * 31 + here.length)();
    const done = Math.round(size * (part >= 1 ? 1 : Math.min(1, Math.max(0, part * 1.6 - seed * 0.6))));
    return { name, path: here + name, kind: "file", size, done, files: 1, chosen: "all", priority: "normal", state: "ok", ...more };
  };
  if (!item.folder) return { total: 1, entries: [file(item.name, item.total)] };
  const share = item.total / 20;
  const all = dir.endsWith("many")
    ? Array.from({ length: MANY }, (_, index) => file(`IMG_${String(4000 + index)}.jpg`, 4_200_000))
    : [
        ...(dir.split("/").length < 2 ? [file("many", share * 6, { kind: "folder", files: MANY, chosen: "some" }), file("extras", share * 4, { kind: "folder", files: 9 })] : []),
        ...NAMES.map((name, index) => file(name, share, index === 1 ? { chosen: "none", done: 0 } : index === 5 ? { priority: "high" } : index === 2 && item.state === "needsyou" ? { state: "changed" } : {})),
        file("latest", 0, { kind: "symlink" }),
      ];
  return { total: all.length, entries: all.slice(offset, offset + limit) };
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
