// Trusting and blocking: what can be chosen for a person, what happens then, and the way back.
import { call, platform } from "../../api/client";
import type { PersonView, StandingRequest } from "../../api/types";
import type { MenuItem } from "../../components/Menu.svelte";
import { attempt } from "../../lib/attempt";
import { t } from "../../lib/i18n";
import { settings } from "../../stores/settings.svelte";
import { toasts } from "../../stores/toasts.svelte";
import { appName, shortId } from "./words";

type Standing = StandingRequest["standing"];

/** Enough to know again who is meant: "Kubo 0.43.0 (12D3…nP2c)". */
export function nameOf({ app, peer }: PersonView): string {
  return `${appName(app) ?? t("network.people.unknown-app")} (${shortId(peer)})`;
}

const SAID = { usual: "network.people.untrusted.said", trusted: "network.people.trusted.said", blocked: "network.people.blocked.said" } as const;

async function stand(person: PersonView, standing: Standing, done: () => void): Promise<void> {
  const before: Standing = person.trusted ? "trusted" : "usual";
  const set = async (to: Standing) => {
    const worked = await attempt(call("set-standing", { peer: person.peer, standing: to }));
    done();
    // The lists in the settings hold them too.
    if (worked) await settings.load().catch(() => undefined);
    return worked;
  };
  if (!(await set(standing))) return;
  toasts.show(t(SAID[standing], { name: nameOf(person) }), { action: { label: t("network.people.undo"), run: () => void set(before) } });
}

/** Ends that somebody is kept away. There is no way back but to block them: who is banned was not chosen. */
export async function letIn(peer: string, done: () => void): Promise<void> {
  const worked = await attempt(call("set-standing", { peer, standing: "usual" }));
  done();
  if (!worked) return;
  await settings.load().catch(() => undefined);
  toasts.show(t("network.away.let-in.said", { id: shortId(peer) }));
}

/** `done`: something changed, look again. */
export function choices(person: PersonView, done: () => void): MenuItem[] {
  return [
    person.trusted
      ? { id: "untrust", label: t("network.people.untrust"), icon: "trusted", run: () => void stand(person, "usual", done) }
      : { id: "trust", label: t("network.people.trust"), icon: "trusted", run: () => void stand(person, "trusted", done) },
    { id: "copy", label: t("network.people.copy"), icon: "copy", run: () => void platform().copy(person.peer) },
    { id: "block", label: t("network.people.block"), icon: "blocked", danger: true, apart: true, run: () => void stand(person, "blocked", done) },
  ];
}
