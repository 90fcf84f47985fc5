import { describe, expect, it } from "vitest";
import type { NetworkView, PersonView, Rung } from "../../api/types";
import { tOptional } from "../../lib/i18n";
import { FIRST_ORDER, appName, arranged, headline, hostOf, named, nextKey, nextOrder, reasonKeys, shortAddress, shortId, verdictOf } from "./words";

/** As the engine's requests/network.rs names them. */
const EVERY = "this-machine-only switched-off checking offline";
const REASONS: [Rung["rung"], string][] = [
  ["direct", `${EVERY} public-address no-public-address not-confirmed`],
  ["port", `${EVERY} opened not-needed no-router refused double-nat cgnat not-confirmed`],
  ["relay", `${EVERY} relayed not-needed no-relay refused symmetric-nat`],
  ["local", `${EVERY} devices-nearby nobody-nearby`],
];

function person(peer: string, values: Partial<PersonView> = {}): PersonView {
  return {
    peer, app: null, rate_down: 0, rate_up: 0, received: 0, sent: 0, how: "direct", transport: "quic", address: null,
    inbound: false, trusted: false, rtt_ms: null, has: null, ...values,
  };
}

const network: NetworkView = {
  peer: "12D3KooWa", listen: [], external: [], peers: 0, dht_peers: null, dht_server: false, reach: "local", nearby: [],
  lan_peers: null, router: null, mappings: [], relays: [], addresses: [], check: null, services: [], private_network: false, fault: null,
  rungs: [{ rung: "local", state: "in-use", reason: "nobody-nearby", detail: null }],
};

describe("the headline", () => {
  it("says so when nothing leaves this computer", () => {
    expect(headline(network)).toBe("local");
    expect(headline({ ...network, rungs: [{ rung: "local", state: "in-use", reason: "this-machine-only", detail: null }] })).toBe("machine");
  });

  it("explains a rung as exactly as it can", () => {
    const refused: Rung = { rung: "port", state: "no", reason: "refused", detail: "Archer C7" };
    expect(reasonKeys(refused, { router: "", port: "4801" })).toEqual(["network.reason.port.refused", "network.reason.refused", "network.reason.unknown.no"]);
    expect(reasonKeys(refused, { router: "Archer C7", port: "4801" })[0]).toBe("network.reason.port.refused.named");
  });

  it("has words for every way and reason, and for one that is new", () => {
    const said = (rung: Rung["rung"], state: Rung["state"], reason: string) =>
      reasonKeys({ rung, state, reason, detail: null }, { router: "", port: "" }).find((key) => tOptional(key, { count: 1 }) !== undefined);
    const own: [string, string | undefined][] = REASONS.flatMap(([rung, reasons]) => reasons.split(" ").map((reason): [string, string | undefined] => [reason, said(rung, reason === "checking" ? "checking" : "no", reason)]));
    expect(own.filter(([reason, key]) => reason !== "checking" && (key === undefined || key.includes("unknown")))).toEqual([]);
    expect(said("relay", "off", "something-new")).toBe("network.reason.unknown.off");
  });
});

describe("what a person can do", () => {
  const next = (reach: NetworkView["reach"], rung: Partial<Rung>, port = "4801") =>
    nextKey({ ...network, reach, rungs: [] }, { rung: "port", state: "no", reason: "refused", detail: null, ...rung }, { router: "", port });

  it("is said while nobody gets straight here", () => {
    expect(["local", "relay", "port", "direct", "checking", "offline"].map((reach) => next(reach as NetworkView["reach"], {}) !== null)).toEqual([true, true, false, false, false, false]);
  });

  it("depends on what is wrong", () => {
    for (const reason of ["no-router", "refused", "double-nat", "cgnat", "not-confirmed"]) {
      const key = next("local", { reason });
      expect(key).toBe(`network.next.port.${reason}`);
      expect(tOptional(key ?? "", { port: "1", router: "" })).toBeDefined();
    }
    expect(next("relay", { rung: "relay", state: "in-use", reason: "symmetric-nat" })).toBe("network.next.relay.symmetric-nat");
    expect(next("relay", { rung: "relay", state: "in-use", reason: "relayed" })).toBeNull();
    expect(next("local", { state: "off", reason: "switched-off" })).toBeNull();
  });

  it("names no port that nobody knows", () => {
    expect(next("local", {}, "")).toBe("network.next.port-unknown");
    expect(next("local", { reason: "cgnat" }, "")).toBe("network.next.port.cgnat");
  });

  it("is about the port that is open, else the one it listens at", () => {
    const listening = { ...network, listen: ["/ip4/192.0.2.1/tcp/4801"] };
    expect(named(listening, "").port).toBe("4801");
    expect(named(network, "/ip4/0.0.0.0/tcp/5000,/ip4/0.0.0.0/udp/5000/quic-v1").port).toBe("5000");
    expect(named(network, "/ip4/0.0.0.0/tcp/0").port).toBe("");
    const mappings = [{ transport: "tcp" as const, internal: "192.168.1.10:4801", external: "203.0.113.7:61000", expires: 9 }];
    expect(named({ ...listening, mappings }, "").port).toBe("61000");
  });
});

describe("names", () => {
  it("are short and tell people apart", () => {
    expect(shortId("12D3KooWQYV9dGMFoRzNStwpXztXaBUjtPqi6aU76ZgUriHhnP2c")).toBe("12D3…nP2c");
    expect(shortId("short")).toBe("short");
  });

  it("are as the app says, readable", () => {
    expect(["kubo/0.43.0/d2f1", "Shoal 0.1.0", "helia", "", null].map(appName)).toEqual(["Kubo 0.43.0", "Shoal 0.1.0", "Helia", null, null]);
  });
});

describe("addresses", () => {
  it("are as people write them", () => {
    expect(shortAddress("/ip4/203.0.113.7/udp/4801/quic-v1")).toBe("203.0.113.7:4801");
    expect(shortAddress("/ip6/2001:db8::1/tcp/4801")).toBe("[2001:db8::1]:4801");
    expect(shortAddress("dial backoff")).toBe("dial backoff");
    expect([hostOf("https://delegated-ipfs.dev/"), hostOf("none"), hostOf("")]).toEqual(["delegated-ipfs.dev", null, null]);
  });
});

describe("a test", () => {
  it("tells a relay from nobody getting through", () => {
    const relayed = { address: "/p2p-circuit", transport: "quic" as const, by: "relay" as const, reachable: "yes" as const, tries: 1 };
    const result = (reachable: "yes" | "no" | "unknown" | "checking", addresses = [relayed]) => verdictOf({ at: 1, reachable, asked: 2, addresses, public: null });
    expect([result("yes"), result("no"), result("no", []), result("unknown"), result("checking")]).toEqual(["yes", "relay", "no", "unknown", "unknown"]);
  });
});

describe("people", () => {
  const people = [
    person("a", { app: "kubo/0.43.0", received: 10, rtt_ms: 40 }),
    person("b", { received: 30, rate_up: 5 }),
    person("c", { app: "Shoal 0.1.0", sent: 20, how: "nearby", rtt_ms: 1, rate_down: 9 }),
  ];
  const peers = (search: string, order = FIRST_ORDER) => arranged(people, search, order).map(({ peer }) => peer).join("");

  it("come by what passed so far", () => expect(peers("")).toBe("bca"));

  it("are found by app, as it says or as it is shown, and by id", () => {
    expect([peers("KUBO"), peers("kubo 0.43"), peers("shoal c"), peers("nobody")]).toEqual(["a", "a", "c", ""]);
  });

  it("are sorted by a column, the other way round, and as before", () => {
    let order = nextOrder(FIRST_ORDER, "rtt");
    expect(peers("", order)).toBe("cab");
    order = nextOrder(order, "rtt");
    expect(peers("", order)).toBe("bac");
    expect(nextOrder(order, "rtt")).toBe(FIRST_ORDER);
    expect(peers("", { by: "app", backwards: false })).toBe("acb");
    expect(peers("", { by: "how", backwards: false })).toBe("cab");
    expect(peers("", { by: "down", backwards: false })).toBe("cab");
    expect(peers("", { by: "up", backwards: false })).toBe("bac");
  });
});
