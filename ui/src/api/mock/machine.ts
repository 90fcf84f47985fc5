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
    return { key, value, default: fallback, meaning, from: value === fallback ? "default" : "file" };
  });
}

export function network(world: World): NetworkView {
  const offline = world.reach === "offline";
  const rungs: Rung[] = [
    { rung: "direct", state: "no", reason: "no-public-address", detail: null },
    { rung: "port", state: world.reach === "port" ? "in-use" : "off", reason: world.reach === "port" ? "public-address" : "switched-off", detail: "203.0.113.7:47811" },
    { rung: "relay", state: "off", reason: "not-in-this-version", detail: null },
    { rung: "local", state: offline ? "no" : "ready", reason: offline ? "nobody-nearby" : "devices-nearby", detail: null },
  ];
  return {
    peer: "12D3KooWQ7RkQ7RkQ7RkQ7RkQ7RkQ7RkQ7RkQ7RkQ7RkQ7RkQ7Rk",
    listen: ["/ip4/192.168.1.10/tcp/47811", "/ip4/192.168.1.10/udp/47811/quic-v1"],
    external: offline ? [] : ["/ip4/203.0.113.7/tcp/47811"],
    peers: world.people,
    dht_peers: offline ? 0 : 214,
    dht_server: !offline,
    reach: world.reach,
    rungs,
    nearby: offline ? [] : [{ peer: "12D3KooWLivingRoom", app: "Shoal 0.1.0" }, { peer: "12D3KooWKitchen", app: "kubo/0.43.0" }, { peer: "12D3KooWAttic", app: null }],
  };
}
