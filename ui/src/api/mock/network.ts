// The mock's place in the network: one for each `?state=` that a person can meet.
import type { AddressView, CheckView, NetworkView, Reachability, Rung } from "../types";
import { EPOCH, problem } from "./data";
import type { World } from "./world";

/** How long a test takes (ms): long enough to be seen. */
const TEST_MS = 900;
const ROUTER = "FRITZ!Box 7590";
const PUBLIC = "203.0.113.7";
const RELAY = "12D3KooWRelayJqz4fT7RkQ7RkQ7RkQ7RkQ7RkQ7RkQ7RkQ7RkQ7";

type Step = Pick<Rung, "state" | "reason"> & { detail?: string };
interface Place {
  reach: Reachability;
  direct: Step;
  port: Step;
  relay: Step;
  /** What the router says is wrong. */
  problem?: string;
  /** Its own address, as seen from the other side. */
  external?: string;
}

const NO_ADDRESS: Step = { state: "no", reason: "no-public-address" };
const RELAYED: Step = { state: "in-use", reason: "relayed", detail: RELAY };
const NOT_NEEDED: Step = { state: "off", reason: "not-needed" };
const CHECKING: Step = { state: "checking", reason: "checking" };
const NO_NETWORK: Step = { state: "no", reason: "offline" };
const MACHINE: Step = { state: "no", reason: "this-machine-only" };
const OFF: Step = { state: "off", reason: "switched-off" };

const PORT: Place = { reach: "port", direct: NO_ADDRESS, port: { state: "in-use", reason: "opened", detail: `${PUBLIC}:47811` }, relay: NOT_NEEDED, external: PUBLIC };
const PLACES: Record<string, Place> = {
  direct: { reach: "direct", direct: { state: "in-use", reason: "public-address", detail: PUBLIC }, port: NOT_NEEDED, relay: NOT_NEEDED },
  port: PORT,
  firewall: { reach: "relay", direct: { state: "no", reason: "not-confirmed", detail: PUBLIC }, port: { state: "no", reason: "no-router" }, relay: RELAYED },
  relay: { reach: "relay", direct: NO_ADDRESS, port: { state: "no", reason: "no-router" }, relay: RELAYED },
  "no-router": { reach: "local", direct: NO_ADDRESS, port: { state: "no", reason: "no-router" }, relay: { state: "no", reason: "no-relay" } },
  refused: { reach: "local", direct: NO_ADDRESS, port: { state: "no", reason: "refused", detail: ROUTER }, relay: { state: "no", reason: "refused", detail: RELAY }, problem: "refused" },
  "double-nat": { reach: "relay", direct: NO_ADDRESS, port: { state: "no", reason: "double-nat", detail: "192.168.100.2" }, relay: RELAYED, problem: "double-nat", external: "192.168.100.2" },
  cgnat: { reach: "relay", direct: NO_ADDRESS, port: { state: "no", reason: "cgnat", detail: "100.64.3.9" }, relay: RELAYED, problem: "cgnat", external: "100.64.3.9" },
  closed: { reach: "relay", direct: NO_ADDRESS, port: { state: "no", reason: "not-confirmed", detail: `${PUBLIC}:47811` }, relay: RELAYED, external: PUBLIC },
  symmetric: { reach: "relay", direct: NO_ADDRESS, port: { state: "no", reason: "no-router" }, relay: { state: "in-use", reason: "symmetric-nat", detail: RELAY } },
  off: { reach: "local", direct: NO_ADDRESS, port: OFF, relay: OFF },
  local: { reach: "local", direct: NO_ADDRESS, port: { state: "no", reason: "no-router" }, relay: { state: "no", reason: "no-relay" } },
  checking: { reach: "checking", direct: CHECKING, port: CHECKING, relay: CHECKING },
  offline: { reach: "offline", direct: NO_NETWORK, port: NO_NETWORK, relay: NO_NETWORK },
  machine: { reach: "local", direct: MACHINE, port: MACHINE, relay: MACHINE },
};

export function placeOf(state: string): Place {
  return PLACES[state] ?? PORT;
}

export function network(world: World): NetworkView {
  const place = placeOf(world.state);
  const { reach } = place;
  const alone = reach === "offline" || world.state === "machine";
  const hasRouter = !alone && (place.external !== undefined || place.problem !== undefined);
  const isOpen = place.port.reason === "opened" || place.port.reason === "not-confirmed";
  const relayed = place.relay.state === "in-use" || place.relay.reason === "refused";
  const mdns = world.settings.get("mdns") !== "off";
  const mapping = { internal: "192.168.1.10:47811", external: `${PUBLIC}:47811`, expires: 3000 };
  return {
    peer: "12D3KooWQ7RkQ7RkQ7RkQ7RkQ7RkQ7RkQ7RkQ7RkQ7RkQ7RkQ7Rk",
    listen: ["/ip4/192.168.1.10/tcp/47811", "/ip4/192.168.1.10/udp/47811/quic-v1"],
    external: addresses(place).map(({ address }) => address),
    peers: world.people,
    dht_peers: alone || world.state === "private" ? null : 214,
    dht_server: reach === "direct" || reach === "port",
    reach,
    rungs: [
      { rung: "direct", detail: null, ...place.direct },
      { rung: "port", detail: null, ...place.port },
      { rung: "relay", detail: null, ...place.relay },
      { rung: "local", detail: null, ...nearby(world, alone, mdns) },
    ],
    nearby: alone || !mdns ? [] : [{ peer: "12D3KooWLivingRoom", app: "Shoal 0.1.0" }, { peer: "12D3KooWKitchen", app: "kubo/0.43.0" }, { peer: "12D3KooWAttic", app: null }],
    lan_peers: alone ? null : 3,
    router: hasRouter ? { name: ROUTER, address: "192.168.1.1", spoken: "upnp", external: place.external ?? null, problem: place.problem ?? null, detail: place.problem === "refused" ? "606 Action not authorized" : null } : null,
    mappings: isOpen ? [{ transport: "tcp", ...mapping }, { transport: "quic", ...mapping }] : [],
    relays: relayed ? [{ peer: RELAY, address: "/ip4/198.51.100.20/udp/4001/quic-v1", state: place.relay.state === "in-use" ? "reserved" : "refused", chosen: false }] : [],
    addresses: addresses(place),
    check: world.check,
    services: alone || world.state === "private" ? [] : [
      { url: "https://delegated-ipfs.dev/", kind: "router", works: true, problem: null, received: 0 },
      { url: "https://trustless-gateway.link/", kind: "gateway", works: world.state !== "refused", problem: world.state === "refused" ? "timed out" : null, received: 412e6 },
    ],
    private_network: world.state === "private",
    fault: null,
  };
}

function nearby(world: World, alone: boolean, mdns: boolean): Step {
  if (world.state === "machine") return { state: "in-use", reason: "this-machine-only" };
  if (alone) return NO_NETWORK;
  if (!mdns) return OFF;
  return { state: placeOf(world.state).reach === "local" ? "in-use" : "ready", reason: "devices-nearby" };
}

function addresses({ direct, port, relay, reach }: Place): AddressView[] {
  const found: AddressView[] = [];
  const both = (by: AddressView["by"], reachable: AddressView["reachable"]) => {
    found.push({ address: `/ip4/${PUBLIC}/tcp/47811`, transport: "tcp", by, reachable, tries: 3 });
    found.push({ address: `/ip4/${PUBLIC}/udp/47811/quic-v1`, transport: "quic", by, reachable, tries: reachable === "yes" ? 3 : 2 });
  };
  if (direct.reason === "public-address") both("direct", "yes");
  if (direct.reason === "not-confirmed") both("direct", "no");
  if (port.reason === "opened") both("port", "yes");
  if (port.reason === "not-confirmed") both("port", "no");
  if (reach === "relay" && relay.state === "in-use") {
    found.push({ address: `/ip4/198.51.100.20/udp/4001/quic-v1/p2p/${RELAY}/p2p-circuit`, transport: "quic", by: "relay", reachable: "yes", tries: 1 });
  }
  return found;
}

/** `?check=` slow: it never ends; fails: it can't be done; nobody: there is nobody to ask. */
export async function check(world: World, asksPublic: boolean): Promise<CheckView> {
  if (world.query.get("check") === "slow") await new Promise(() => undefined);
  await new Promise((resolve) => setTimeout(resolve, TEST_MS));
  const { reach, addresses } = network(world);
  if (reach === "offline" || world.query.get("check") === "fails") throw problem("offline", "this needs the network", { retry: "user" });
  const nobody = world.query.get("check") === "nobody";
  const reachable = nobody ? "unknown" : addresses.some((address) => address.by !== "relay" && address.reachable === "yes") ? "yes" : "no";
  const said = reachable === "unknown" ? "yes" : reachable;
  world.check = {
    at: EPOCH,
    reachable,
    asked: nobody ? 0 : 3,
    addresses: nobody ? addresses.map((address) => ({ ...address, reachable: "unknown", tries: 0 })) : addresses,
    public: asksPublic ? { reachable: said, detail: said === "yes" ? `/ip4/${PUBLIC}/tcp/47811` : "dial backoff" } : null,
  };
  return world.check;
}
