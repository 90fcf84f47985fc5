import { expect, it } from "vitest";
import { isLink } from "./link";

const CID = "bafybeihmf37wcuvtx4hpu7he5zl5qaf2ineo2lqlfrapokkm5zzw7zyhvm";

it.each([
  `ipfs://${CID}`,
  `ipfs://${CID}?filename=maps&provider=/ip4/192.0.2.1/tcp/4001`,
  `/ipfs/${CID}/trails.gpkg`,
  `https://dweb.link/ipfs/${CID}`,
  `https://${CID}.ipfs.dweb.link/trails.gpkg`,
  CID,
  `${CID}/trails.gpkg`,
  "QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG",
  `  ${CID}\n`,
  `<ipfs://${CID}>`,
  `dweb:/ipfs/${CID}/a%20b.txt`,
  `ipfs.io/ipfs/${CID}`,
  `https://share.ipfs.io/#/${CID}`,
  `Here it is: ipfs://${CID}. Enjoy!`,
  `${CID.slice(0, 30)}\r\n> ${CID.slice(30)}`,
  "k51qzi5uqu5dlvj2baxnqndepeb86cbk3ng7n3i46uzyxzyqj2xjonzllnv0v8",
])("takes %s for a link", (text) => expect(isLink(text)).toBe(true));

it.each(["", "Family photos", "ipfs", "Qm", "bafy", "https://example.org/", "bananas".repeat(12)])(
  "does not take %s for one",
  (text) => expect(isLink(text)).toBe(false),
);

it("does not look at whole books", () => expect(isLink(`ipfs://${"x".repeat(20_000)}`)).toBe(false));
