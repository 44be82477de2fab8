// Elements, made and changed. What others named (containers, images, labels) only ever becomes text.

/** An element: attributes, `text`, `on` for listeners, and children (nodes or strings). */
export function el(tag, given = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "text") made.textContent = value;
    else if (name === "on") for (const [kind, listen] of Object.entries(value)) made.addEventListener(kind, listen);
    else made.setAttribute(name, value === true ? "" : String(value));
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** A name somebody else chose: kept apart from the direction of the text around it. */
export function named(text, given = {}) {
  return el("bdi", { title: text, ...given, text });
}

const texts = new WeakMap();
const titles = new WeakMap();

/** Set a text; an unchanged one costs no layout. */
export function say(node, text) {
  if (texts.get(node) === text) return;
  texts.set(node, text);
  node.textContent = text;
}

/** Set a title, if it changed. */
export function hint(node, text) {
  if (titles.get(node) === text) return;
  titles.set(node, text);
  if (text) node.title = text;
  else node.removeAttribute("title");
}

/** Set or remove an attribute, if it changed. */
export function mark(node, name, value) {
  const present = node.getAttribute(name);
  if (value === null || value === undefined || value === false) {
    if (present !== null) node.removeAttribute(name);
  } else if (present !== String(value)) node.setAttribute(name, String(value));
}

/** A bar; `fill` it with a share of 0 to 1, or `null` for no bar. */
export function bar() {
  const inner = el("i");
  const outer = el("span", { class: "bar", "aria-hidden": "true" }, inner);
  let shown;
  outer.fill = (share, free = false) => {
    const width = share === null ? 0 : Math.round(Math.min(1, share) * 200) / 200;
    const level = share === null || free ? "" : share >= 0.9 ? "high" : share >= 0.75 ? "warm" : "";
    const now = `${share === null} ${width} ${level} ${free}`;
    if (now === shown) return;
    shown = now;
    inner.style.transform = `scaleX(${width})`;
    mark(outer, "data-level", level || null);
    mark(outer, "data-free", free);
    outer.classList.toggle("none", share === null);
  };
  return outer;
}

/** A badge for a state or a health. */
export function badge(text) {
  return el("span", { class: "badge", "data-is": text, text });
}

/** A place with nothing to show: what is the matter, and what to do about it. */
export function empty(title, ...words) {
  return el("div", { class: "empty" }, el("h2", { text: title }), ...words.map((each) => (typeof each === "string" ? el("p", { text: each }) : each)));
}
