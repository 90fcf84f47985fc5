import { describe, expect, it } from "vitest";
import type { NetworkView, PersonView } from "../../api/types";
import { FIRST_ORDER, appName, arranged, headline, nextOrder, reasonKeys, shortId } from "./words";

function person(peer: string, values: Partial<PersonView> = {}): PersonView {
  return {
    peer, app: null, rate_down: 0, rate_up: 0, received: 0, sent: 0, how: "direct", transport: "quic", address: null,
    inbound: false, trusted: false, rtt_ms: null, has: null, ...values,
  };
}

const network: NetworkView = {
  peer: "12D3KooWa", listen: [], external: [], peers: 0, dht_peers: null, dht_server: false, reach: "local", nearby: [],
  lan_peers: null, router: null, mappings: [], relays: [], addresses: [], check: null, services: [], private_network: false,
  rungs: [{ rung: "local", state: "in-use", reason: "nobody-nearby", detail: null }],
};

describe("the headline", () => {
  it("says so when nothing leaves this computer", () => {
    expect(headline(network)).toBe("local");
    expect(headline({ ...network, rungs: [{ rung: "local", state: "in-use", reason: "this-machine-only", detail: null }] })).toBe("machine");
  });

  it("explains a rung as exactly as it can", () => {
    expect(reasonKeys({ rung: "port", state: "off", reason: "not-in-this-version", detail: null })).toEqual([
      "network.reason.port.not-in-this-version", "network.reason.not-in-this-version", "network.reason.unknown.off",
    ]);
    expect(reasonKeys({ rung: "direct", state: "checking", reason: "no-public-address", detail: null })).toEqual(["network.reason.unknown.checking"]);
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
