// Where a number comes from: raw fields, formula, and what `docker stats` shows for it.

import * as api from "./api.js";
import { el, named } from "./dom.js";
import { missing, VALUES } from "./format.js";

/** A button that explains values of a container. */
export function explainer(key, names) {
  const words = `Explain: ${VALUES[names[0]][0]}`;
  const button = el("button", { type: "button", class: "why", title: words, "aria-label": words, "aria-haspopup": "dialog" }, "?");
  button.addEventListener("click", () => open(button, key, names));
  return button;
}

async function open(button, key, names) {
  const box = document.getElementById("popover");
  box.replaceChildren(el("p", { class: "loading", text: "Loading …" }));
  box.showPopover();
  place(box, button);
  box.addEventListener("toggle", (event) => event.newState === "closed" && button.focus({ preventScroll: true }), { once: true });
  let parts;
  try {
    const detail = await api.container(key);
    parts = names.map((name) => section(name, detail));
  } catch (error) {
    parts = [el("p", { class: "trouble", text: error.message })];
  }
  const close = el("button", { type: "button", class: "quiet close", "aria-label": "Close", text: "✕", on: { click: () => box.hidePopover() } });
  box.replaceChildren(close, ...parts);
  place(box, button);
  close.focus({ preventScroll: true });
}

function section(name, { explain, values, absent }) {
  const [label, format, unit] = VALUES[name];
  const told = explain?.[name];
  const value = values[name];
  const parts = [el("h3", { text: label })];
  if (missing(value)) parts.push(el("p", { class: "absent", text: absent[name] ?? "Not available." }));
  else parts.push(el("p", { class: "value" }, el("b", { text: format(value) }), el("small", { text: ` = ${value} ${unit}` })));
  if (told?.formula) parts.push(term("Formula", el("code", { text: told.formula })));
  if (told?.docker_stats) parts.push(term("docker stats shows", el("code", { text: told.docker_stats })));
  const raw = Object.entries(told?.raw ?? {});
  if (raw.length) {
    parts.push(term("Fields of the samples", el("table", { class: "raw" }, el("tbody", {}, ...raw.map(([field, is]) => el("tr", {}, el("th", { scope: "row" }, named(field)), el("td", { text: String(is) })))))));
  }
  return el("section", {}, ...parts);
}

const term = (label, what) => el("div", { class: "term" }, el("h4", { text: label }), what);

function place(box, button) {
  const at = button.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = box;
  const left = Math.max(8, Math.min(at.left, innerWidth - width - 8));
  const below = at.bottom + 6 + height < innerHeight || at.top < height;
  box.style.left = `${left}px`;
  box.style.top = `${Math.max(8, below ? Math.min(at.bottom + 6, innerHeight - height - 8) : at.top - height - 6)}px`;
}
