// What stands in the details, line by line: for those who know the protocols' words.
import type { NetworkView } from "../../api/types";
import { bytes, duration } from "../../lib/format";
import { type Key, t } from "../../lib/i18n";
import { shortId } from "./words";

export interface Line {
  text: string;
  /** What is known about it. */
  about?: string;
}

export interface Fact {
  name: Key;
  lines: Line[];
}

const SPOKEN = { upnp: "UPnP", pcp: "PCP", "nat-pmp": "NAT-PMP" };
const TRANSPORT = { tcp: "TCP", quic: "QUIC", other: "" };

export function facts(network: NetworkView): Fact[] {
  const all: Fact[] = [
    { name: "network.details.router", lines: router(network) },
    { name: "network.details.ports", lines: network.mappings.map(mapping) },
    { name: "network.details.addresses", lines: network.addresses.map(address) },
    { name: "network.details.relays", lines: network.relays.map(relay) },
    { name: "network.details.services", lines: network.services.map(service) },
  ];
  return all.map((fact) => (fact.lines.length > 0 ? fact : { ...fact, lines: [{ text: t("network.details.none") }] }));
}

function router({ router: it }: NetworkView): Line[] {
  if (it === null) return [{ text: t("network.details.router.none") }];
  const external = it.external === null ? "" : t("network.details.router.external", { address: it.external });
  return [{ text: joined(it.name, it.address, SPOKEN[it.spoken]), about: joined(external, it.problem, it.detail) }];
}

function mapping({ transport, internal, external, expires }: NetworkView["mappings"][number]): Line {
  const what = TRANSPORT[transport];
  return { text: `${external} → ${internal}`, about: t("network.details.ports.renewed", { what, time: duration(expires) }) };
}

function address({ address: text, reachable, tries }: NetworkView["addresses"][number]): Line {
  return { text, about: joined(t(`network.check.address.${reachable}`), t("network.check.tries", { count: tries })) };
}

function relay({ peer, address: at, state, chosen }: NetworkView["relays"][number]): Line {
  const what = t(`network.details.relay.${state}`);
  return { text: `${at}/p2p/${peer}`, about: joined(shortId(peer), chosen ? t("network.details.relay.chosen", { what }) : what) };
}

function service({ url, kind, works, problem, received }: NetworkView["services"][number]): Line {
  const what = t(`network.details.service.${kind}`, { size: bytes(received) });
  return { text: url, about: works ? what : joined(t("network.details.service.broken", { what }), problem) };
}

function joined(...parts: (string | null)[]): string {
  return parts.filter((part) => part !== null && part !== "").join(" · ");
}
