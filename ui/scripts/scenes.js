// What is photographed: a name, the mock's state, and what is done before the picture.
const listed = (page) => page.getByText("Harbour at dawn").first().waitFor();

export const scenes = [
  { name: "library", act: listed },
  { name: "library-pane", act: async (page) => { await listed(page); await page.getByText("field-recordings").first().click(); } },
  { name: "library-menu", act: async (page) => { await listed(page); await page.getByText("Family photos").first().click({ button: "right" }); } },
  { name: "library-problems", act: async (page) => { await listed(page); await page.keyboard.press("4"); await page.getByText("Old laptop backup").waitFor(); } },
  { name: "library-empty", query: "state=empty", act: (page) => page.getByText("Drop files here").waitFor() },
  { name: "library-no-match", act: async (page) => { await listed(page); await page.getByRole("textbox").first().fill("nothing like this"); await page.getByText("No match").waitFor(); } },
  { name: "library-lost", query: "state=lost", act: (page) => page.getByText("doesn’t answer").waitFor() },
  { name: "library-paused", query: "state=paused", act: (page) => page.getByText("Everything is paused").waitFor() },
  { name: "library-removed", act: async (page) => { await listed(page); await page.getByText("Family photos").first().click(); await page.keyboard.press("Delete"); await page.getByText("is removed from").first().waitFor(); } },
  { name: "shortcuts", act: async (page) => { await listed(page); await page.keyboard.press("?"); await page.getByRole("dialog").waitFor(); } },
  { name: "rename", act: async (page) => { await listed(page); await page.getByText("Poster A1.png").click(); await page.keyboard.press("F2"); await page.getByRole("dialog").waitFor(); } },
  { name: "drop", act: async (page) => { await listed(page); await page.evaluate(() => window.shoalMock.emit("drop", { kind: "over" })); } },
];
