import { describe, expect, it } from "vitest";
import type { NetworkView } from "../../api/types";
import { facts } from "./facts";

const network: NetworkView = {
  peer: "12D3KooWa", listen: [], external: [], peers: 0, dht_peers: null, dht_server: false, reach: "local", nearby: [], rungs: [],
  lan_peers: null, router: null, mappings: [], relays: [], addresses: [], check: null, services: [], private_network: false, fault: null,
};

const lines = (view: Partial<NetworkView>, name: string) => facts({ ...network, ...view }).find((fact) => fact.name === `network.details.${name}`)?.lines;

describe("the details", () => {
  it("say of everything that there is none", () => {
    expect(facts(network).map((fact) => fact.lines.length)).toEqual([1, 1, 1, 1, 1]);
  });

  it("name the router, what is wrong with it, and how long a port stays", () => {
    const router = { name: "Box", address: "192.168.1.1", spoken: "upnp", external: "100.64.0.9", problem: "cgnat", detail: null } as const;
    expect(lines({ router }, "router")).toEqual([{ text: "Box · 192.168.1.1 · UPnP", about: "From outside: 100.64.0.9 · cgnat" }]);
    const mappings = [{ transport: "quic", internal: "192.168.1.5:4801", external: "203.0.113.7:4801", expires: 1800 } as const];
    expect(lines({ mappings }, "ports")).toEqual([{ text: "203.0.113.7:4801 → 192.168.1.5:4801", about: "QUIC, renewed within 30 min" }]);
  });

  it("say of relays and web services how they do", () => {
    const relays = [{ peer: "12D3KooWrelayrelay", address: "/ip4/192.0.2.1/tcp/1", state: "reserved", chosen: true } as const];
    expect(lines({ relays }, "relays")).toEqual([{ text: "/ip4/192.0.2.1/tcp/1/p2p/12D3KooWrelayrelay", about: "12D3…elay · passes connections on, chosen by you" }]);
    const services = [
      { url: "https://a.example/", kind: "gateway", works: true, problem: null, received: 2e6 } as const,
      { url: "https://b.example/", kind: "router", works: false, problem: "timed out", received: 0 } as const,
    ];
    expect(lines({ services }, "services")).toEqual([
      { text: "https://a.example/", about: "sends blocks: 2 MB received" },
      { text: "https://b.example/", about: "says who has what, doesn’t answer · timed out" },
    ]);
  });
});
