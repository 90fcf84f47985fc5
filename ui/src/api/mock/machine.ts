// The mock's settings.
import type { SettingView } from "../types";
import type { World } from "./world";

const SETTINGS: [key: string, value: string, meaning: string][] = [
  ["listen", "/ip4/0.0.0.0/tcp/47811,/ip4/0.0.0.0/udp/47811/quic-v1", "addresses to listen at"],
  ["bootstrap", "default", "peers to begin with"],
  ["mdns", "on", "find devices on this network"],
  ["dht", "on", "find people everywhere"],
  ["nat", "on", "ask the router to open a port"],
  ["relay", "on", "be reachable through relays where nothing better is possible"],
  ["relays", "none", "relays to use"],
  ["relay.service", "off", "pass connections on for trusted peers"],
  ["http.routers", "https://delegated-ipfs.dev", "web services to ask who has what"],
  ["http.gateways", "https://trustless-gateway.link", "web services to fetch verified blocks from"],
  ["http.check", "https://ipfs-check-backend.ipfs.io", "web service that tests on request"],
  ["peers.trusted", "none", "peers to be always connected with"],
  ["peers.blocked", "none", "peer IDs to keep away from"],
  ["networks.blocked", "none", "networks to keep away from"],
  ["network.key", "none", "key of a private network"],
  ["upload.limit", "0", "bytes a second, 0: none"],
  ["download.limit", "0", "bytes a second, 0: none"],
  ["download.folder", "/home/mia/Downloads", "where downloads go"],
  ["connections.max", "300", "connections at a time, from the next start"],
  ["connections.peer", "4", "connections with one peer at a time, from the next start"],
  ["connections.network", "16", "connections that others may open from one network"],
  ["schedule", "off", "other limits at certain hours"],
  ["schedule.hours", "22:00-07:00", "those hours"],
  ["schedule.days", "mon,tue,wed,thu,fri,sat,sun", "those days"],
  ["schedule.upload.limit", "1000000", "bytes a second within them"],
  ["schedule.download.limit", "0", "bytes a second within them"],
  ["language", "auto", "of the window"],
  ["theme", "auto", "of the window"],
  ["keep.metadata", "off", "permissions and times travel too"],
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
