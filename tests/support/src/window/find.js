// Finds what arguments[0] asks for, a list of {role, name, exact} from the outside in, as a screen reader would:
// only what is shown and not hidden from it. The roles and names are computed as far as this page needs it.
const NATIVE = {
  button: "button, input[type=button], input[type=submit], summary",
  link: "a[href]",
  heading: "h1, h2, h3, h4, h5, h6",
  dialog: "dialog",
  textbox: "input:not([type]), input[type=text], input[type=search], input[type=url], input[type=number], textarea, [role=searchbox]",
  checkbox: "input[type=checkbox]",
  radio: "input[type=radio]",
  combobox: "select",
  option: "option",
  progressbar: "progress",
  img: "img, svg[aria-label]",
  list: "ul, ol",
  listitem: "li",
  row: "tr",
  main: "main",
  navigation: "nav",
  status: "output",
  contentinfo: "footer",
  complementary: "aside",
  region: "section[aria-label]",
};
const NAMED_BY_CONTENT = new Set(
  "button link heading checkbox radio option tab row cell gridcell menuitem menuitemradio menuitemcheckbox switch treeitem listitem tooltip".split(" "),
);

const selector = (role) => [`[role~="${role}"]`, NATIVE[role]].filter(Boolean).join(", ");
const has = (element, role) => {
  const own = element.getAttribute("role")?.split(" ")[0];
  return own ? own === role || (role === "textbox" && own === "searchbox") : element.matches(selector(role));
};
const shown = (element) =>
  !element.closest("[inert], [aria-hidden=true]") && element.checkVisibility({ visibilityProperty: true });
const tidy = (text) => text.replace(/\s+/g, " ").trim();

const spoken = (node) => {
  if (node.nodeType === Node.TEXT_NODE) return node.data;
  if (node.nodeType !== Node.ELEMENT_NODE || node.getAttribute("aria-hidden") === "true") return "";
  const { display, visibility } = getComputedStyle(node);
  if (display === "none" || visibility === "hidden") return "";
  const inner = [...node.childNodes].map(spoken).join("");
  // A label stands for a picture or a button; of a list or a tree it is only the title.
  const label = node.getAttribute("aria-label") ?? node.getAttribute("alt");
  if (label !== null && (tidy(inner) === "" || node.matches("button, a, [role=img]"))) return ` ${label} `;
  return display.startsWith("inline") ? inner : ` ${inner} `;
};
const nameOf = (element, role) => {
  const ids = element.getAttribute("aria-labelledby");
  if (ids) return tidy(ids.split(" ").map((id) => document.getElementById(id)).filter(Boolean).map(spoken).join(" "));
  const label = element.getAttribute("aria-label");
  if (label !== null) return tidy(label);
  if (element.labels?.length) return tidy([...element.labels].map(spoken).join(" "));
  const content = NAMED_BY_CONTENT.has(role) ? spoken(element) : (element.getAttribute("alt") ?? "");
  return tidy(content) || tidy(element.title || element.placeholder || "");
};
const fits = (element, step) => {
  const name = nameOf(element, step.role);
  return step.exact ? name === step.name : name.includes(step.name);
};

let found = [document];
for (const step of arguments[0]) {
  const inside = found.flatMap((root) => [...root.querySelectorAll(selector(step.role))]);
  found = [...new Set(inside)].filter((element) => has(element, step.role) && shown(element) && fits(element, step));
}
const [element] = found;
if (!element) {
  const outline = Object.keys(NATIVE).concat("tab", "menuitem", "switch", "alert", "treeitem", "grid").flatMap((role) =>
    [...document.querySelectorAll(selector(role))]
      .filter((element) => has(element, role) && shown(element))
      .slice(0, 20)
      .map((element) => `${role} ${JSON.stringify(nameOf(element, role))}`),
  );
  outline.push(tidy(document.body?.innerText ?? "").slice(0, 2000));
  return { element: null, name: "", text: "", value: "", enabled: false, now: null, outline: outline.join("\n") };
}
const last = arguments[0].at(-1);
const bar = element.getAttribute("aria-valuenow") ?? element.value;
return {
  element,
  name: nameOf(element, last.role),
  text: tidy(spoken(element)),
  value: element.value === undefined ? "" : String(element.value),
  enabled: !element.disabled && element.getAttribute("aria-disabled") !== "true",
  now: last.role === "progressbar" && bar !== null && bar !== undefined ? Number(bar) : null,
  outline: "",
};
