// Every screen, sheet, menu and state that a person can meet, and how to get there without a word of any language:
// by keys, and by names of files, which no language changes.
import type { Page } from "playwright-core";
import type { World } from "../src/api/mock/world";
import { isSeen, pass, row, world } from "./window";

export interface Shown {
  name: string;
  query?: string;
  reach: (page: Page) => Promise<unknown>;
}

const ALPS = "ipfs://bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi";
const dialog = (page: Page) => page.locator("dialog[open]").first();
const listed = (page: Page) => isSeen(row(page, "Harbour at dawn"));

async function link(page: Page, filename: string): Promise<void> {
  await page.keyboard.press("Control+o");
  await page.locator("dialog[open] input").first().fill(`${ALPS}?filename=${filename}`);
}

async function share(page: Page): Promise<void> {
  await listed(page);
  await page.keyboard.press("Control+Shift+n");
  await isSeen(dialog(page));
}

async function shared(page: Page): Promise<void> {
  await share(page);
  await pass(page, 80);
  await isSeen(page.locator("dialog[open] button svg[role=img]"));
}

async function pane(page: Page, name: string): Promise<void> {
  await listed(page);
  await page.locator("#search").fill(name);
  await row(page, name).click();
  await isSeen(page.locator("aside [role=tabpanel]"));
}

async function tab(page: Page, name: string, which: "people" | "details"): Promise<void> {
  await pane(page, name);
  await page.locator(`#item-${which}`).click();
  await isSeen(page.locator(which === "people" ? "aside [role=tabpanel] :is(li, h2)" : "aside [role=tabpanel] figure"));
}

async function preview(page: Page, file: string, what: string): Promise<void> {
  await pane(page, "Family photos");
  await page.locator("aside [role=row]").filter({ hasText: file }).first().dblclick();
  await isSeen(page.locator(`dialog[open] ${what}`));
}

async function settings(page: Page): Promise<void> {
  await page.keyboard.press("Control+,");
  await isSeen(page.locator("main [role=switch]"));
}

async function unfolded(page: Page): Promise<void> {
  await settings(page);
  for (const fold of await page.locator("#network [aria-expanded]").all()) await fold.click();
}

/** The test of whether others get here, with the public service too where it can be chosen. */
async function tested(page: Page, seen: string, asksPublic = false): Promise<void> {
  await network(page);
  const card = page.locator("main section[aria-busy]");
  if (asksPublic) await card.locator("input").check();
  await card.locator("button").first().click();
  await isSeen(card.locator(seen));
}

const TRUSTED = "peers.trusted=12D3KooWQYV9dGMFoRzNStwpXztXaBUjtPqi6aU76ZgUriHhnP2c&networks.blocked=192.0.2.0/24,2001:db8::/32";
const AWAY = "banned=12D3KooWRelayJqz4fT7RkQ7RkQ7RkQ7RkQ7RkQ7RkQ7RkQ7RkQ7,QmcZf59bWwK5XFi76CZX8cbJ4BhTzzA3gU1ZjYZcYW3dwt&peers.blocked=12D3KooWQYV9dGMFoRzNStwpXztXaBUjtPqi6aU76ZgUriHhnP2c";
/** Sentences of downloads that don't move, each with the longest that is said of it. Runs in the page. */
function standStill(mock: World): void {
  const still = { rate_down: 0, rate_up: 0, peers: 0, eta: null, skipped: 0, kind: "download" } as const;
  const [stuck, behind, full, away, partly] = mock.items.slice(0, 5);
  if (!stuck || !behind || !full || !away || !partly) return;
  const why = { hint: null, retry: "user", count: null, field: null, message: "" } as const;
  Object.assign(stuck, still, { state: "finding", done: stuck.total * 0.99, lacking: { pieces: 12, people: 3 } });
  Object.assign(behind, still, { state: "finding", done: 0, unreachable: 4 });
  Object.assign(full, still, { state: "needs-you", problem: { ...why, code: "no-files", subject: "/media/mia/usb stick/Downloads" } });
  Object.assign(away, still, { state: "needs-you", problem: { ...why, code: "folder-gone", subject: "/media/mia/usb stick/Downloads" } });
  Object.assign(partly, still, { state: "sharing", done: partly.total, skipped: 12, having: 3 });
  for (const item of [stuck, behind, full, away, partly]) mock.changed(item);
}

/** Places in the network that aren't shown otherwise here. */
const PLACES = ["direct", "relay", "firewall", "no-router", "refused", "double-nat", "cgnat", "closed", "symmetric", "off", "private"];

async function network(page: Page): Promise<void> {
  await page.keyboard.press("5");
  await isSeen(page.locator("main ol li"));
}

export const states: readonly Shown[] = [
  { name: "library", reach: listed },
  { name: "library, what needs somebody", reach: (page) => listed(page).then(() => page.keyboard.press("4")).then(() => isSeen(row(page, "Old laptop"))) },
  { name: "library, nothing matches", reach: (page) => listed(page).then(() => page.locator("#search").fill("nothing like this")).then(() => isSeen(page.locator("main h2"))) },
  { name: "library, empty", query: "state=empty", reach: (page) => isSeen(page.locator("main h2")) },
  { name: "library, empty filter", query: "items=1", reach: (page) => listed(page).then(() => page.keyboard.press("2")).then(() => isSeen(page.locator("main h2"))) },
  { name: "library, engine lost", query: "state=lost", reach: (page) => isSeen(page.locator("main h2")) },
  { name: "library, engine lost later", reach: (page) => listed(page).then(() => world(page, (mock) => { mock.lost = true; mock.bump(); })).then(() => isSeen(page.locator("main [role=alert]"))) },
  { name: "library, all paused", query: "state=paused", reach: listed },
  { name: "library, offline", query: "state=offline", reach: listed },
  { name: "library, what stands still", reach: (page) => listed(page).then(() => world(page, standStill)).then(() => isSeen(page.locator("[role=progressbar][aria-valuenow='99']"))) },
  { name: "library, removed", reach: (page) => pane(page, "Poster A1").then(() => page.keyboard.press("Delete")).then(() => isSeen(page.locator(".toast"))) },
  { name: "library, several", reach: (page) => listed(page).then(() => page.keyboard.press("Control+a")) },
  { name: "library, drop", reach: (page) => listed(page).then(() => world(page, (mock) => mock.emit("drop", { kind: "over" }))) },
  ...["settings-lost", "settings-unusable", "index-recovered", "list-incomplete", "part-broke"].map((code) => ({ name: `library, told of ${code}`, query: `remark=${code}`, reach: listed })),
  { name: "menu of an item", reach: (page) => listed(page).then(() => row(page, "Family photos").click({ button: "right" })).then(() => isSeen(page.locator("[role=menu]"))) },
  { name: "menu of a problem", reach: (page) => listed(page).then(() => row(page, "Thesis data").click({ button: "right" })).then(() => isSeen(page.locator("[role=menu]"))) },
  { name: "menu of sorting", reach: (page) => listed(page).then(() => page.locator("header [aria-haspopup=menu]").first().click()).then(() => isSeen(page.locator("[role=menu]"))) },
  { name: "menu of sharing", reach: (page) => listed(page).then(() => page.locator("header [aria-haspopup=menu]").last().click()).then(() => isSeen(page.locator("[role=menu]"))) },
  { name: "shortcuts", reach: (page) => page.keyboard.press("?").then(() => isSeen(dialog(page))) },
  { name: "rename", reach: (page) => pane(page, "Poster A1").then(() => page.keyboard.press("F2")).then(() => isSeen(dialog(page))) },
  { name: "delete", reach: (page) => pane(page, "Night sky").then(() => page.keyboard.press("Shift+Delete")).then(() => isSeen(dialog(page))) },
  { name: "share, on its way", reach: share },
  { name: "share, ready", reach: shared },
  { name: "share, left out", reach: (page) => shared(page).then(() => page.locator("dialog[open] .warn button").click()) },
  { name: "share, options", reach: (page) => shared(page).then(() => page.locator("dialog[open] button.more").click()) },
  { name: "share, large code", reach: (page) => shared(page).then(() => page.locator("dialog[open] button:has(svg[role=img])").click()) },
  { name: "open", reach: (page) => page.keyboard.press("Control+o").then(() => isSeen(dialog(page))) },
  { name: "open, no link", reach: (page) => page.keyboard.press("Control+o").then(() => page.locator("dialog[open] input").first().fill("https://example.org")) },
  { name: "open, nobody", reach: (page) => link(page, "nobody").then(() => isSeen(page.locator("dialog[open] ul li"))) },
  { name: "open, folder", reach: (page) => link(page, "Alps").then(() => isSeen(page.locator("dialog[open] [role=treegrid] [role=row]"))) },
  { name: "open, file", reach: (page) => link(page, "file").then(() => isSeen(page.locator("dialog[open] .single"))) },
  { name: "open, no room", reach: (page) => link(page, "full").then(() => isSeen(page.locator("dialog[open] [role=alert]"))) },
  { name: "open, in the library already", reach: (page) => link(page, "have").then(() => isSeen(page.locator("dialog[open] .have"))) },
  { name: "item, files of a download", reach: (page) => pane(page, "debian-12 mirror") },
  { name: "item, one file", reach: (page) => pane(page, "Harbour at dawn") },
  { name: "item, nothing known yet", reach: (page) => pane(page, "Open maps") },
  { name: "item, files changed", reach: (page) => pane(page, "Thesis data") },
  { name: "item, people", reach: (page) => tab(page, "Harbour at dawn", "people") },
  { name: "item, nobody", reach: (page) => tab(page, "Lease agreement", "people") },
  { name: "item, details", reach: (page) => tab(page, "Harbour at dawn", "details") },
  { name: "item, what nobody has", reach: (page) => listed(page).then(() => world(page, standStill)).then(() => tab(page, "Harbour at dawn", "details")).then(() => isSeen(page.locator("aside .missing"))) },
  { name: "item, menu of a file", reach: (page) => pane(page, "debian-12 mirror").then(() => page.locator("aside [role=row]").filter({ hasText: "cover.jpg" }).click({ button: "right" })).then(() => isSeen(page.locator("[role=menu]"))) },
  { name: "preview of a picture", reach: (page) => preview(page, "cover.jpg", "img:not(.waiting)") },
  { name: "preview of text", reach: (page) => preview(page, "notes.md", "pre") },
  { name: "preview that fails", reach: (page) => preview(page, "intro.mp4", "h2") },
  { name: "network", reach: network },
  { name: "network, details", reach: (page) => network(page).then(() => page.locator("main summary").click()) },
  { name: "network, offline", query: "state=offline", reach: network },
  { name: "network, this machine only", query: "state=machine", reach: (page) => page.keyboard.press("5").then(() => isSeen(page.locator("main section h2").first())) },
  { name: "network, being checked", query: "state=checking", reach: network },
  ...PLACES.map((place) => ({ name: `network, ${place}`, query: `state=${place}`, reach: (page: Page) => network(page).then(() => page.locator("main summary").click()) })),
  { name: "network, a test under way", query: "check=slow", reach: (page) => tested(page, "[role=progressbar]") },
  { name: "network, tested", reach: (page) => tested(page, "li", true) },
  { name: "network, tested in vain", query: "state=closed", reach: (page) => tested(page, "li") },
  { name: "network, nobody to test", query: "check=nobody", reach: (page) => tested(page, "h3") },
  { name: "network, a test that fails", query: "check=fails", reach: (page) => tested(page, "h3") },
  { name: "network, people kept away", query: AWAY, reach: (page) => network(page).then(() => isSeen(page.locator("main section li button").last())) },
  { name: "network, menu of a person", reach: (page) => network(page).then(() => page.locator("main [role=cell] button").first().click()).then(() => isSeen(page.locator("[role=menu]"))) },
  { name: "network, somebody blocked", reach: (page) => network(page).then(() => page.locator("main [role=cell] button").first().click()).then(() => page.locator("[role=menuitem]").last().click()).then(() => isSeen(page.locator(".toast"))) },
  { name: "settings", reach: settings },
  { name: "settings, lists of people", query: TRUSTED, reach: unfolded },
  { name: "settings, a wrong entry", reach: (page) => unfolded(page).then(() => page.locator("#network form input").first().fill("nobody")).then(() => page.keyboard.press("Enter")).then(() => isSeen(page.locator("main [role=alert]"))) },
  { name: "settings, a private network", query: "state=private", reach: (page) => settings(page).then(() => page.locator("#network [aria-pressed]").click()) },
  { name: "settings, a new key", reach: (page) => settings(page).then(() => page.locator("#network .group").last().locator("button").last().click()).then(() => isSeen(page.locator("#network input.field"))) },
  { name: "settings, by the clock", reach: (page) => settings(page).then(() => page.locator("#limits [role=switch], section:has(h2) [role=switch]").nth(5).check()) },
  { name: "settings, given from outside", query: "locked=upload.limit,listen,language", reach: settings },
  { name: "settings, a report", reach: (page) => settings(page).then(() => page.locator("#diagnostics [aria-expanded]").click()).then(() => isSeen(page.locator("main pre"))) },
  { name: "first run", query: "state=first", reach: (page) => isSeen(dialog(page)) },
];
