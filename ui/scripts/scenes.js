// What is photographed: a name, the mock's state, and what is done before the picture.
export const scenes = [
  { name: "library", act: (page) => page.getByText("Harbour at dawn").first().waitFor() },
  { name: "library-empty", query: "state=empty" },
];
