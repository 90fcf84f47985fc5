// What is photographed: a name, the mock's state, and what is done before the picture.
const listed = (page) => page.getByText("Harbour at dawn").first().waitFor();
const goTo = (page, screen) => page.getByRole("navigation", { name: "Main" }).getByRole("button", { name: screen }).click();
const setting = async (page, section) => { await goTo(page, "Settings"); await page.evaluate((id) => document.getElementById(id).scrollIntoView(), section); };

export const scenes = [
  { name: "library", act: listed },
  { name: "library-pane", act: async (page) => { await listed(page); await page.getByText("field-recordings").first().click(); } },
  { name: "library-menu", act: async (page) => { await listed(page); await page.getByText("Family photos").first().click({ button: "right" }); } },
  { name: "library-problems", act: async (page) => { await listed(page); await page.keyboard.press("4"); await page.getByText("Old laptop backup").waitFor(); } },
  { name: "library-empty", query: "state=empty", act: (page) => page.getByText("Drop files here").waitFor() },
  { name: "library-no-match", act: async (page) => { await listed(page); await page.getByRole("textbox").first().fill("nothing like this"); await page.getByText("No match").waitFor(); } },
  { name: "library-lost", query: "state=lost", act: (page) => page.getByRole("heading", { name: "stopped" }).waitFor() },
  { name: "library-paused", query: "state=paused", act: (page) => page.getByText("Everything is paused").waitFor() },
  { name: "library-removed", act: async (page) => { await listed(page); await page.getByText("Family photos").first().click(); await page.keyboard.press("Delete"); await page.getByText("is removed from").first().waitFor(); } },
  { name: "shortcuts", act: async (page) => { await listed(page); await page.keyboard.press("?"); await page.getByRole("dialog").waitFor(); } },
  { name: "rename", act: async (page) => { await listed(page); await page.getByText("Poster A1.png").click(); await page.keyboard.press("F2"); await page.getByRole("dialog").waitFor(); } },
  { name: "drop", act: async (page) => { await listed(page); await page.evaluate(() => window.shoalMock.emit("drop", { kind: "over" })); } },
  { name: "network", act: async (page) => { await goTo(page, "Network"); await page.getByText("People connected now").waitFor(); } },
  { name: "network-local", query: "state=local", act: async (page) => { await goTo(page, "Network"); await page.getByText("People on this network").waitFor(); } },
  { name: "network-offline", query: "state=offline", act: async (page) => { await goTo(page, "Network"); await page.getByText("You are offline").waitFor(); } },
  { name: "network-lost", query: "state=lost", act: async (page) => { await goTo(page, "Network"); await page.getByText("can’t be shown").waitFor(); } },
  { name: "network-details", act: async (page) => { await goTo(page, "Network"); await page.locator("summary").click(); await page.getByText("Seen from outside").scrollIntoViewIfNeeded(); } },
  { name: "settings", act: (page) => setting(page, "general") },
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
  { name: "welcome", query: "state=first", act: (page) => page.getByText("Welcome to Shoal").waitFor() },
];
