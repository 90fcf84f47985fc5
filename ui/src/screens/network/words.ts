// What the network's state is called, and the order of the people: the screen's decisions, without the screen.
import type { CheckView, NetworkView, PersonView, Rung } from "../../api/types";
import { portOf } from "../../lib/listen";

/** "this-machine-only" is told by a rung, not by `reach`: nothing leaves this computer, and the headline has to say so. */
export type Headline = NetworkView["reach"] | "machine";

export function machineOnly(network: NetworkView): boolean {
  return network.rungs.some((rung) => rung.reason === "this-machine-only");
}

export function headline(network: NetworkView): Headline {
  return machineOnly(network) ? "machine" : network.reach;
}

/** What sentences about the router are filled with. */
export interface Named {
  router: string;
  /** The port that is open, or is to be opened; "" when nobody knows. */
  port: string;
}

export function named(network: NetworkView, settled: string): Named {
  const opened = network.mappings[0] && portIn(network.mappings[0].external);
  const own = portOf(network.listen.join(",")) || portOf(settled);
  return { router: network.router?.name ?? network.router?.address ?? "", port: opened || (own ? String(own) : "") };
}

/** The messages that may explain a rung, the most exact one first. The last one always exists. */
export function reasonKeys({ rung, reason, state }: Rung, { router, port }: Named): string[] {
  const keys = [`network.reason.${rung}.${reason}`, `network.reason.${reason}`, `network.reason.unknown.${state}`];
  return router !== "" && port !== "" ? [`network.reason.${rung}.${reason}.named`, ...keys] : keys;
}

/** The message that says what a person can do about a way that isn't there; null while there is a better one, or nothing to do. */
export function nextKey(network: NetworkView, { rung, reason, state }: Rung, { port }: Named): string | null {
  const wanted = (network.reach === "local" || network.reach === "relay") && !machineOnly(network);
  if (!wanted || state === "off" || state === "checking" || (state !== "no" && reason !== "symmetric-nat")) return null;
  if (port === "" && rung === "port" && reason !== "cgnat") return "network.next.port-unknown";
  return `network.next.${rung}.${reason}`;
}

/** The setting that switches a way on again. */
export const SWITCHES: Partial<Record<Rung["rung"], string>> = { port: "nat", relay: "relay", local: "mdns" };

/** What a test comes to. Who is reached only through a relay is told that: it is not the same as nobody getting through. */
export function verdictOf({ reachable, addresses }: CheckView): "yes" | "no" | "relay" | "unknown" {
  if (reachable === "checking") return "unknown";
  return reachable === "no" && addresses.some((found) => found.by === "relay" && found.reachable === "yes") ? "relay" : reachable;
}

/** "203.0.113.7:47811" is "47811". */
function portIn(address: string): string {
  return address.slice(address.lastIndexOf(":") + 1);
}

/** A multiaddr as people write addresses: "203.0.113.7:47811"; as it is when it is of another kind. */
export function shortAddress(address: string): string {
  const [, kind, host, port] = /^\/(ip4|ip6|dns[46]?)\/([^/]+)\/(?:tcp|udp)\/(\d+)/u.exec(address) ?? [];
  if (host === undefined || port === undefined) return address;
  return kind === "ip6" ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Enough of an id to tell two people apart: "12D3…nP2c". */
export function shortId(peer: string): string {
  return peer.length <= 10 ? peer : `${peer.slice(0, 4)}…${peer.slice(-4)}`;
}

/** "kubo/0.43.0/abc" is "Kubo 0.43.0"; "Shoal 0.1.0" stays. Null when it doesn't say. */
export function appName(app: string | null): string | null {
  const [name, version] = (app ?? "").trim().split(/[/ ]+/u);
  if (name === undefined || name === "") return null;
  const capital = name.charAt(0).toUpperCase() + name.slice(1);
  return version === undefined || version === "" ? capital : `${capital} ${version}`;
}

export const COLUMNS = ["app", "down", "up", "how", "rtt"] as const;
export type Column = (typeof COLUMNS)[number];
export interface Order {
  by: Column | "traffic";
  backwards: boolean;
}

/** By what passed so far: it changes slowly, so rows keep their places while bytes move. */
export const FIRST_ORDER: Order = { by: "traffic", backwards: false };

/** A click on a column: by it, the other way round, and back to how it began. */
export function nextOrder(order: Order, column: Column): Order {
  if (order.by !== column) return { by: column, backwards: false };
  return order.backwards ? FIRST_ORDER : { by: column, backwards: true };
}

const HOW = ["nearby", "direct", "relay"];
const LAST = Number.MAX_SAFE_INTEGER;
const COMPARE: Record<Order["by"], (a: PersonView, b: PersonView) => number> = {
  traffic: (a, b) => b.received + b.sent - a.received - a.sent,
  // Who doesn't say comes last.
  app: (a, b) => Number(a.app === null) - Number(b.app === null) || (a.app ?? "").localeCompare(b.app ?? "", undefined, { numeric: true }),
  down: (a, b) => b.rate_down - a.rate_down,
  up: (a, b) => b.rate_up - a.rate_up,
  how: (a, b) => HOW.indexOf(a.how) - HOW.indexOf(b.how),
  rtt: (a, b) => (a.rtt_ms ?? LAST) - (b.rtt_ms ?? LAST),
};

export function arranged(people: readonly PersonView[], search: string, order: Order): PersonView[] {
  const words = search.toLocaleLowerCase().split(/\s+/u).filter(Boolean);
  const matching = people.filter((person) => {
    const text = `${person.app ?? ""} ${appName(person.app) ?? ""} ${person.peer}`.toLocaleLowerCase();
    return words.every((word) => text.includes(word));
  });
  const compare = COMPARE[order.by];
  const sign = order.backwards ? -1 : 1;
  return matching.sort((a, b) => sign * compare(a, b) || (a.peer < b.peer ? -1 : 1));
}

/** Whom a web address belongs to: "https://delegated-ipfs.dev/" is "delegated-ipfs.dev". Null when it is none. */
export function hostOf(url: string): string | null {
  return URL.canParse(url) ? new URL(url).host : null;
}
