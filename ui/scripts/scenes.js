// What is photographed: a name, the mock's state, and what is done before the picture; `readme`: the sizes in which the
// README shows it; `photo`: it has soft shades.
const listed = (page) => page.getByText("Harbour at dawn").first().waitFor();
const goTo = (page, screen) => page.getByRole("navigation", { name: "Main" }).getByRole("button", { name: screen }).click();
const setting = async (page, section) => { await goTo(page, "Settings"); await page.locator(`#${section}`).waitFor(); await page.evaluate((id) => document.getElementById(id).scrollIntoView(), section); };

const network = async (page) => { await goTo(page, "Network"); await page.getByText("People connected now").waitFor(); };
const tested = async (page, seen, asksPublic = false) => {
  await network(page);
  if (asksPublic) await page.getByRole("checkbox", { name: "public checking" }).click();
  await page.getByRole("button", { name: "Test now" }).click();
  await page.getByText(seen).first().waitFor();
  await page.getByRole("heading", { name: "Can others reach me?" }).evaluate((heading) => heading.closest("section").scrollIntoView({ block: "center" }));
};
const PLACES = ["direct", "relay", "firewall", "no-router", "refused", "double-nat", "cgnat", "closed", "symmetric", "checking", "off", "private", "machine"];

const LINK = "ipfs://bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e?filename=";
const openLink = async (page, name) => { await listed(page); await page.evaluate((link) => window.shoalMock.emit("open-request", { paths: [], link, action: "open" }), LINK + name); };
const share = async (page, ms) => {
  await listed(page);
  await page.evaluate(() => window.shoalMock.emit("open-request", { paths: ["/home/mia/Pictures/Lisbon in spring"], link: null, action: "share" }));
  await page.getByText("2,184 files").waitFor();
  await page.evaluate((passed) => window.shoalMock.tick(passed), ms);
};
const pane = async (page, name, tab) => {
  await listed(page);
  await page.evaluate((start) => window.shoalMock.emit("focus-item", window.shoalMock.items.find((item) => item.name.startsWith(start)).id), name);
  await page.getByRole("tab", { name: tab }).click();
};
const preview = async (page, file, seen) => {
  await pane(page, "Garden", "Files");
  await page.getByRole("row", { name: file }).dblclick();
  await page.locator(`dialog[open] ${seen}`).waitFor();
};

export const scenes = [
  { name: "library", readme: ["wide", "narrow"], act: listed },
  { name: "library-pane", act: async (page) => { await listed(page); await page.getByText("field-recordings").first().click(); } },
  { name: "library-menu", act: async (page) => { await listed(page); await page.getByText("Family photos").first().click({ button: "right" }); } },
  { name: "library-problems", act: async (page) => { await listed(page); await page.keyboard.press("4"); await page.getByText("Old laptop backup").waitFor(); } },
  { name: "library-empty", readme: ["wide"], query: "state=empty", act: (page) => page.getByText("Drop files here").waitFor() },
  { name: "library-no-match", act: async (page) => { await listed(page); await page.getByRole("textbox").first().fill("nothing like this"); await page.getByText("No match").waitFor(); } },
  { name: "library-lost", query: "state=lost", act: (page) => page.getByRole("heading", { name: "stopped" }).waitFor() },
  { name: "library-paused", query: "state=paused", act: (page) => page.getByText("Everything is paused").waitFor() },
  { name: "library-removed", act: async (page) => { await listed(page); await page.getByText("Family photos").first().click(); await page.keyboard.press("Delete"); await page.getByText("is removed from").first().waitFor(); } },
  { name: "share", act: async (page) => { await share(page, 20_000); await page.getByRole("dialog").getByText("12.8 of 18.3 GB").waitFor(); } },
  { name: "share-ready", readme: ["wide"], act: async (page) => { await share(page, 40_000); await page.locator("dialog[open] button svg[role=img]").waitFor(); } },
  { name: "share-options", act: async (page) => { await share(page, 40_000); await page.getByText(/^Ready/).waitFor(); await page.getByRole("button", { name: "Sharing options" }).click(); } },
  { name: "open", readme: ["wide"], act: async (page) => { await openLink(page, "Alps"); await page.getByRole("checkbox", { name: /satellite/ }).click(); } },
  { name: "open-looking", act: async (page) => { await openLink(page, "nobody"); await page.getByText("Helpers on the web").waitFor(); } },
  { name: "open-full", act: async (page) => { await openLink(page, "full"); await page.getByText("Choose fewer files").waitFor(); } },
  { name: "open-bad", act: async (page) => { await listed(page); await page.keyboard.press("Control+o"); await page.getByRole("dialog").getByRole("textbox").fill(LINK.slice(0, 40)); } },
  { name: "pane-files", readme: ["wide"], act: async (page) => { await pane(page, "debian-12", "Files"); await page.getByRole("row", { name: "README.txt" }).waitFor(); } },
  { name: "pane-people", readme: ["wide"], act: async (page) => { await pane(page, "Harbour", "People"); await page.getByText("Kubo 0.43.0").first().waitFor(); } },
  { name: "pane-details", readme: ["wide"], act: async (page) => { await pane(page, "Harbour", "Details"); await page.getByText("blocks are here").waitFor(); } },
  { name: "shortcuts", act: async (page) => { await listed(page); await page.keyboard.press("?"); await page.getByRole("dialog").waitFor(); } },
  { name: "rename", act: async (page) => { await listed(page); await page.getByText("Poster A1.png").click(); await page.keyboard.press("F2"); await page.getByRole("dialog").waitFor(); } },
  { name: "drop", act: async (page) => { await listed(page); await page.evaluate(() => window.shoalMock.emit("drop", { kind: "over" })); } },
  { name: "open-empty", act: (page) => page.keyboard.press("Control+o") },
  { name: "open-existing", act: async (page) => { await openLink(page, "have"); await page.getByText("You have this already").waitFor(); } },
  { name: "pane-problem", act: (page) => pane(page, "Thesis data", "Files") },
  { name: "pane-finding", act: async (page) => { await listed(page); await page.getByText("Open maps of the Alps").click(); await page.getByText("is known when").waitFor(); } },
  { name: "preview", photo: true, readme: ["wide"], act: (page) => preview(page, "cover.jpg", "img:not(.waiting)") },
  { name: "preview-text", act: (page) => preview(page, "notes.md", "pre") },
  { name: "network", readme: ["wide"], act: network },
  ...PLACES.map((place) => ({ name: `network-${place}`, query: `state=${place}`, act: network })),
  { name: "network-testing", query: "check=slow", act: (page) => tested(page, "trying to get through") },
  { name: "network-tested", act: (page) => tested(page, "Yes, others get through", true) },
  { name: "network-tested-relay", query: "state=closed", act: (page) => tested(page, "Only through a relay") },
  { name: "network-tested-no", query: "state=refused", act: (page) => tested(page, "No, nobody got through") },
  { name: "network-tested-nobody", query: "check=nobody", act: (page) => tested(page, "Nobody could try") },
  { name: "network-tested-failed", query: "check=fails", act: (page) => tested(page, "The test didn’t work") },
  { name: "network-menu", act: async (page) => { await network(page); await page.getByRole("button", { name: /^Actions for Kubo/ }).first().click(); } },
  { name: "network-local", query: "state=local", act: async (page) => { await goTo(page, "Network"); await page.getByText("People on this network").waitFor(); } },
  { name: "network-offline", query: "state=offline", act: async (page) => { await goTo(page, "Network"); await page.getByText("You are offline").waitFor(); } },
  { name: "network-lost", query: "state=lost", act: async (page) => { await goTo(page, "Network"); await page.getByText("can’t be shown").waitFor(); } },
  { name: "network-details", act: async (page) => { await goTo(page, "Network"); await page.locator("summary").click(); await page.getByText("Seen from outside").scrollIntoViewIfNeeded(); } },
  { name: "settings", readme: ["wide"], act: (page) => setting(page, "general") },
  {
    name: "settings-limits",
    act: async (page) => {
      await setting(page, "limits");
      await page.getByRole("switch", { name: "Limit uploads", exact: true }).click();
      await page.getByRole("switch", { name: "Other limits" }).click();
      await page.getByRole("button", { name: "Sunday" }).click();
      await setting(page, "limits");
    },
  },
  { name: "settings-network", query: "peers.trusted=12D3KooWQYV9dGMFoRzNStwpXztXaBUjtPqi6aU76ZgUriHhnP2c&networks.blocked=192.0.2.0/24,2001:db8::/32", act: (page) => setting(page, "network") },
  { name: "settings-people", query: "peers.trusted=12D3KooWQYV9dGMFoRzNStwpXztXaBUjtPqi6aU76ZgUriHhnP2c&networks.blocked=192.0.2.0/24,2001:db8::/32", act: async (page) => { await setting(page, "network"); for (const name of [/^Trusted people/, /^Blocked networks/]) await page.getByRole("button", { name }).click(); await page.getByText("Trusted people").first().evaluate((label) => label.scrollIntoView({ block: "center" })); } },
  { name: "settings-key", query: "state=private", act: async (page) => { await setting(page, "network"); await page.getByRole("button", { name: "Show the key" }).click(); } },
  { name: "settings-key-new", act: async (page) => { await setting(page, "network"); await page.getByRole("button", { name: "Enter a key" }).click(); await page.getByLabel("Key of the private network").fill("not a key"); await page.keyboard.press("Enter"); } },
  {
    name: "settings-wrong",
    query: "locked=mdns",
    act: async (page) => {
      await setting(page, "network");
      await page.getByLabel("Port", { exact: true }).fill("80");
      await page.keyboard.press("Enter");
      await setting(page, "network");
    },
  },
  { name: "welcome", readme: ["wide"], query: "state=first", act: (page) => page.getByText("Welcome to Shoal").waitFor() },
];
