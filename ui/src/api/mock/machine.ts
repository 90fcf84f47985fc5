// The mock's settings and its place in the network.
import type { NetworkView, Rung, SettingView } from "../types";
import type { World } from "./world";

const SETTINGS: [key: string, value: string, meaning: string][] = [
  ["listen", "/ip4/0.0.0.0/tcp/47811,/ip4/0.0.0.0/udp/47811/quic-v1", "addresses to listen at"],
  ["bootstrap", "default", "peers to begin with"],
  ["mdns", "on", "find devices on this network"],
  ["dht", "on", "find people everywhere"],
  ["upload.limit", "0", "bytes a second, 0: none"],
  ["download.limit", "0", "bytes a second, 0: none"],
  ["download.folder", "/home/mia/Downloads", "where downloads go"],
  ["connections.max", "300", "connections at once"],
  ["schedule", "off", "other limits at certain hours"],
  ["schedule.hours", "22:00-07:00", "those hours"],
  ["schedule.days", "mon,tue,wed,thu,fri,sat,sun", "those days"],
  ["schedule.upload.limit", "1000000", "bytes a second within them"],
  ["schedule.download.limit", "0", "bytes a second within them"],
  ["language", "auto", "of the window"],
  ["theme", "auto", "of the window"],
  ["keep.sharing", "on", "closing the window hides it"],
  ["autostart", "off", "start at login"],
  ["notifications", "on", "tell what finished or needs you"],
  ["welcomed", "on", "the first run was seen"],
  ["hidden.told", "on", "it was told that closing hides"],
];

export function settings(world: World): SettingView[] {
  return SETTINGS.map(([key, fallback, meaning]) => {
    const value = world.settings.get(key) ?? fallback;
    const from = world.locked.has(key) ? "environment" : value === fallback ? "default" : "file";
    return { key, value, default: fallback, meaning, from };
  });
}

export function network(world: World): NetworkView {
  const offline = world.reach === "offline";
  const alone = offline || world.state === "machine";
  const direct = world.reach === "direct";
  const local: Omit<Rung, "rung" | "detail"> =
    world.state === "machine"
      ? { state: "in-use", reason: "this-machine-only" }
      : world.settings.get("mdns") === "off"
        ? { state: "off", reason: "switched-off" }
        : alone
          ? { state: "no", reason: "nobody-nearby" }
          : { state: direct ? "ready" : "in-use", reason: "devices-nearby" };
  const rungs: Rung[] = [
    { rung: "direct", state: world.reach === "checking" ? "checking" : direct ? "in-use" : "no", reason: direct ? "public-address" : "no-public-address", detail: direct ? "203.0.113.7" : null },
    { rung: "port", state: "off", reason: "switched-off", detail: null },
    { rung: "relay", state: "off", reason: "switched-off", detail: null },
    { rung: "local", ...local, detail: null },
  ];
  return {
    peer: "12D3KooWQ7RkQ7RkQ7RkQ7RkQ7RkQ7RkQ7RkQ7RkQ7RkQ7RkQ7Rk",
    listen: ["/ip4/192.168.1.10/tcp/47811", "/ip4/192.168.1.10/udp/47811/quic-v1"],
    external: alone ? [] : ["/ip4/203.0.113.7/tcp/47811"],
    peers: world.people,
    dht_peers: alone ? null : 214,
    dht_server: direct,
    reach: world.reach,
    rungs,
    nearby: alone || world.settings.get("mdns") === "off" ? [] : [{ peer: "12D3KooWLivingRoom", app: "Shoal 0.1.0" }, { peer: "12D3KooWKitchen", app: "kubo/0.43.0" }, { peer: "12D3KooWAttic", app: null }],
    lan_peers: alone ? null : 3,
    router: null,
    mappings: [],
    relays: [],
    addresses: alone ? [] : [{ address: "/ip4/203.0.113.7/tcp/47811", transport: "tcp", by: "direct", reachable: "yes", tries: 3 }],
    check: null,
    services: [],
    private_network: false,
  };
}
