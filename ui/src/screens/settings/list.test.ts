import { describe, expect, it } from "vitest";
import { keyIn, newKey } from "./key";
import { entriesOf, entry, listText } from "./list";

const ID = "12D3KooWQYV9dGMFoRzNStwpXztXaBUjtPqi6aU76ZgUriHhnP2c";
const OLD = "QmNnooDu7bfjPFoTZYxMNLWUQJyrVwtbZg5gBMjTezGAJN";

describe("a list", () => {
  it("goes to the engine's text and back", () => {
    expect([entriesOf("none"), entriesOf(""), entriesOf("a, b")]).toEqual([[], [], ["a", "b"]]);
    expect([listText([]), listText(["a", "b"])]).toEqual(["none", "a,b"]);
  });

  it("takes IDs, and addresses that end in one", () => {
    const address = `/ip4/192.0.2.7/tcp/4001/p2p/${ID}`;
    expect([ID, ` ${OLD} `, `/p2p/${ID}`, address].map((text) => entry(text, "peer"))).toEqual([ID, OLD, ID, address]);
    expect([ID, `/p2p/${OLD}`, address].map((text) => entry(text, "id"))).toEqual([ID, OLD, ID]);
    for (const text of ["", "anna", "/ip4/192.0.2.7/tcp/4001", `${ID},${OLD}`, `x/${ID}`, ID.slice(0, 20)]) expect(entry(text, "peer"), text).toBeNull();
  });

  it("takes networks and single addresses", () => {
    for (const text of ["192.0.2.0/24", "192.0.2.7", "2001:db8::/32", "::1"]) expect(entry(text, "network")).toBe(text);
    for (const text of ["everybody", "192.0.2", "example.org", "192.0.2.0/"]) expect(entry(text, "network"), text).toBeNull();
  });

  it("takes web addresses", () => {
    expect(entry("https://example.org/routing", "url")).toBe("https://example.org/routing");
    for (const text of ["example.org", "ftp://example.org", "https://", "https://a b", "javascript:1"]) expect(entry(text, "url"), text).toBeNull();
  });
});

describe("a key", () => {
  const key = "0123456789abcdef".repeat(4);

  it("is taken alone or with its file", () => {
    for (const text of [key, ` ${key.toUpperCase()}\n`, `/key/swarm/psk/1.0.0/\n/base16/\n${key}\n`]) expect(keyIn(text)).toBe(key);
    for (const text of ["", "1234", `${key}0`, key.replace("0", "g")]) expect(keyIn(text), text).toBeNull();
  });

  it("can be made, another each time", () => {
    const made = newKey();
    expect(keyIn(made)).toBe(made);
    expect(newKey()).not.toBe(made);
  });
});
