import { describe, expect, it } from "vitest";
import { HIGHEST_PORT, LOWEST_PORT, portOf, whole, withPort } from "./listen";

const LISTEN = "/ip4/0.0.0.0/tcp/4801,/ip4/0.0.0.0/udp/4801/quic-v1,/ip6/::/tcp/4801,/ip6/::/udp/4801/quic-v1";

describe("the port to listen on", () => {
  it("is the one that all addresses share", () => {
    expect(portOf(LISTEN)).toBe(4801);
    expect(portOf("/ip4/127.0.0.1/tcp/0,/ip4/127.0.0.1/udp/0/quic-v1")).toBe(0);
    expect(portOf("/ip4/0.0.0.0/tcp/1,/ip4/0.0.0.0/udp/2/quic-v1")).toBeNull();
    expect(portOf("none")).toBeNull();
  });

  it("changes in all of them and leaves the rest alone", () => {
    expect(withPort(LISTEN, 5000)).toBe(LISTEN.replaceAll("4801", "5000"));
    expect(portOf(withPort(LISTEN, 65_535))).toBe(65_535);
  });

  it("is a whole number that a program may use", () => {
    const port = (text: string) => whole(text, LOWEST_PORT, HIGHEST_PORT);
    expect(["4801", " 65535 ", "1024"].map(port)).toEqual([4801, 65_535, 1024]);
    expect(["1023", "65536", "", "4,801", "1e4", "x", "-1"].map(port)).toEqual(Array(7).fill(null));
  });
});
