// Looking at paths before they are shared, and at links before they are fetched.
import type { Calls, InspectView, LinkCheck, PathsView } from "../types";
import { problem } from "./data";
import type { World } from "./world";

/** The names of links that behave in a special way, so that every state can be opened:
 *  …?filename=nobody, …=bad, …=full, …=slow, …=file, …=have. */
const SLOW_REV = 4;
const STEP_MS = 900;

export function inspectPaths({ paths }: Calls["inspect-paths"][0]): PathsView {
  const path = paths[0] ?? "/home/mia/Pictures";
  const name = path.slice(path.lastIndexOf("/") + 1);
  const folder = paths.length > 1 || !name.includes(".");
  const skipped = folder
    ? [
        { path: "private/diary.txt", reason: "you may not read it" },
        { path: "tmp/socket", reason: "it is a socket" },
      ]
    : [];
  const about = folder ? { files: 2184, folders: 31, bytes: 18.3e9 } : { files: 1, folders: 0, bytes: 36e6 };
  return { name, folder, ...about, complete: true, skipped, skipped_count: skipped.length };
}

/** Far less than the engine knows: enough to see each answer. */
export function checkLink(text: string): LinkCheck {
  if (text.trim() === "") return { state: "empty" };
  if (text.includes("ipns")) return { state: "bad", why: "name" };
  if (!/[a-z0-9]{46,}/i.test(text)) return { state: "bad", why: text.includes("://") ? "web-page" : "no-link" };
  const name = /[?&]filename=([^&\s]+)/.exec(text)?.[1];
  return { state: "good", name: name === undefined ? null : decodeURIComponent(name) };
}

export async function inspectLink(world: World, { link, dir, since, wait_ms, into }: Calls["inspect-link"][0]): Promise<InspectView> {
  if (!/(ipfs|bafy|bafk|Qm|\/\/)/.test(link) || link.includes("bad")) throw problem("bad-link", "this is no link to shared files", { field: "link", retry: "never" });
  if (wait_ms > 0 && since > 0) await new Promise((resolve) => setTimeout(resolve, STEP_MS));
  const nobody = link.includes("nobody");
  const rev = since + 1;
  const known = !nobody && (!link.includes("slow") || rev >= SLOW_REV);
  const folder = into ?? world.settings.get("download.folder") ?? "/home/mia/Downloads";
  const tops: InspectView["entries"] = [
    { name: "contours, 1:25,000", kind: "folder", size: 22.4e9 },
    { name: "satellite, summer", kind: "folder", size: 38.1e9 },
    { name: "README.txt", kind: "file", size: 4_000 },
    { name: "trails.gpkg", kind: "file", size: 1.3e9 },
  ];
  const inside: InspectView["entries"] = Array.from({ length: 40 }, (_, index) => ({ name: `sheet ${String(index + 1).padStart(3, "0")}.tif`, kind: "file", size: 560e6 }));
  const single = link.includes("=file");
  return {
    rev,
    cid: "bafybeihmf37wcuvtx4hpu7he5zl5qaf2ineo2lqlfrapokkm5zzw7zyhvm",
    name: single ? "Harbour at dawn, director’s cut.mkv" : "Open maps of the Alps",
    kind: known ? (single ? "file" : "folder") : null,
    total: known ? 61.8e9 : null,
    entries: known && !single ? (dir === "" ? tops : inside) : null,
    truncated: false,
    people: nobody ? 0 : Math.min(9, 3 + rev * 2),
    tried: rev < 2 ? ["connected", "hints"] : rev < 3 ? ["connected", "hints", "lan", "dht"] : ["connected", "hints", "lan", "dht", "http"],
    seconds: rev,
    into: folder,
    free: link.includes("full") ? 2e9 : 412e9,
    existing: link.includes("have") ? (world.items[0]?.id ?? null) : null,
  };
}
