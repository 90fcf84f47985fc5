// Every call, answered from the mock's world.
import type { Calls, ItemView } from "../types";
import { EPOCH, cid, problem } from "./data";
import { files, people, pieces, report, say } from "./inside";
import { checkLink, inspectLink, inspectPaths } from "./inspect";
import { settings } from "./machine";
import { check, network } from "./network";
import type { World } from "./world";

type Answers = { [N in keyof Calls]: (argument: Calls[N][0]) => Calls[N][1] | Promise<Calls[N][1]> };

export function calls(world: World): Answers {
  const nowhere = { rate_down: 0, rate_up: 0, peers: 0, having: 0, unreachable: 0, lacking: null, eta: null, skipped: 0 };
  return {
    hello: () => ({ version: "0.1.0", pid: 4711, peer_id: "12D3KooWQ7Rk", listen: ["/ip4/192.168.1.10/tcp/47811"], locale: null, platform: "linux" }),
    library: (request) => world.library(request),
    item: ({ id }) => world.get(id),
    report: ({ id }) => report(world.get(id)),
    "inspect-paths": (request) => inspectPaths(request),
    share: ({ paths, name }) => {
      const path = paths[0] ?? "/home/mia/Pictures";
      const last = path.slice(path.lastIndexOf("/") + 1);
      const about = inspectPaths({ paths, hidden: false });
      const item = { kind: "share", state: "hashing", name: name ?? last, path, cid: null, folder: about.folder, total: about.bytes, done: 0, files: about.files, created: EPOCH, ...nowhere } as const;
      return world.add(item).id;
    },
    "check-link": ({ text }) => checkLink(text),
    "inspect-link": (request) => inspectLink(world, request),
    download: async (request) => {
      const found = await inspectLink(world, { link: request.link, dir: "", wait_ms: 0, since: 0, into: request.into });
      const item = { kind: "download", state: "downloading", name: found.name, path: `${found.into}/${found.name}`, cid: found.cid, folder: found.kind === "folder", total: found.total ?? 1e9, done: 0, files: 12, created: EPOCH, ...nowhere, peers: 7, having: 9, rate_down: 24e6 } as const;
      return world.add(item).id;
    },
    act: ({ ids, action }) => {
      for (const id of ids) act(world, world.get(id), action);
      return null;
    },
    "act-all": ({ action }) => {
      world.paused = action === "pause";
      world.bump();
      return null;
    },
    remove: ({ ids }) => {
      for (const id of ids) world.remove(id);
      return { kept: [], count: 0 };
    },
    rename: ({ id, name }) => {
      const item = world.get(id);
      item.name = name;
      world.changed(item);
      return null;
    },
    relocate: ({ id, path }) => {
      const item = world.get(id);
      Object.assign(item, { path, state: "verifying", done: 0 });
      world.changed(item);
      return null;
    },
    files: (request) => files(world.get(request.id), request),
    select: ({ id, paths, chosen }) => {
      say(world.get(id), paths, { chosen: chosen ? "all" : "none" });
      return null;
    },
    prioritize: ({ id, paths, high }) => {
      say(world.get(id), paths, { priority: high ? "high" : "normal" });
      return null;
    },
    people: ({ id }) => (id === null && world.people === 0 ? [] : world.standing(people(id === null ? null : world.get(id)))),
    pieces: ({ id }) => pieces(world.get(id)),
    link: ({ id }) => {
      const { cid: root, name } = world.get(id);
      if (root === null) throw problem("not-ready", "it is being got ready", { retry: "auto" });
      const named = `?filename=${encodeURIComponent(name)}`;
      return { link: `ipfs://${root}${named}`, gateway: `https://dweb.link/ipfs/${root}${named}` };
    },
    settings: () => settings(world),
    "set-setting": ({ key, value }) => {
      if (key.endsWith(".limit") && !/^\d+$/.test(value)) throw problem("bad-setting", "not a number of bytes a second", { field: key });
      if (key === "listen" && value.includes("/1080")) throw problem("listen", "the port is taken", { field: key });
      if (key === "networks.blocked" && value.includes("/99")) throw problem("bad-setting", "not a network", { field: key });
      world.settings.set(key, value);
      world.bump();
      return null;
    },
    network: () => {
      if (world.lost) throw problem("engine-stopped", "the engine stopped");
      return network(world);
    },
    check: (request) => check(world, request.public),
    banned: () => world.banned,
    remarks: () => world.remarks,
    "set-standing": ({ peer, standing }) => {
      world.stand(peer, standing);
      return null;
    },
    diagnostics: () => "Shoal 0.1.0\nitems 1000\npeers 23\nreach direct\n",
  };
}

function act(world: World, item: ItemView, action: Calls["act"][0]["action"]): void {
  const rest = { rate_down: 0, rate_up: 0, peers: 0, eta: null };
  const whole = item.total > 0 && item.done >= item.total;
  switch (action) {
    case "pause":
      Object.assign(item, rest, { state: "paused" });
      break;
    case "resume":
      if (whole) Object.assign(item, { state: "sharing" });
      else if (item.kind === "share") Object.assign(item, { state: "hashing" });
      else Object.assign(item, { state: "downloading", peers: 3, having: 5, rate_down: 6e6 });
      break;
    case "verify":
      Object.assign(item, rest, { state: "verifying", done: 0 });
      break;
    case "update":
      Object.assign(item, rest, { state: "hashing", done: 0, cid: cid(world.next) });
      break;
  }
  world.changed(item);
}
