// Several containers side by side: a chart for each value, a line for each container.

import { Chart } from "./charts.js";
import { el, empty, mark, named, say } from "./dom.js";
import { idOf } from "./frames.js";
import { COMPARED } from "./panels.js";
import { Ranges } from "./ranges.js";
import { containerLink, go, link, rangeOf, RANGES, replace } from "./route.js";
import { Tail } from "./tail.js";

const USUAL = "15m";
const MOST = 20;
const METRICS = [...new Set(COMPARED.map(({ line }) => line.metric))];
const HUES = [187, 24, 265, 142, 330, 48, 215, 95, 0, 290];

/** A colour for the nth line, apart from its neighbours; from the eleventh on dashed. */
function inkOf(number) {
  const dark = getComputedStyle(document.documentElement).colorScheme.includes("dark") && (document.documentElement.dataset.theme === "dark" || matchMedia("(prefers-color-scheme: dark)").matches);
  return { ink: `hsl(${HUES[number % HUES.length]}, ${dark ? "65%, 62%" : "70%, 36%"})`, dash: number >= HUES.length ? [6, 3] : undefined };
}

export class ComparePage {
  constructor({ store, selected }, { query }) {
    this.title = "Compare";
    this.keys = query.getAll("c").slice(0, MOST);
    this._selected = selected;
    this._store = store;
    this._range = null;
    this._tail = new Tail(this.keys.map((key) => `container:${key}`), METRICS, store, (error) => this._changed(error));
    this._ranges = new Ranges((name) => this._choose({ range: name }), () => this._choose({ range: this._range.name }), Object.keys(RANGES).filter((name) => name !== "live"));
    this._notice = el("p", { class: "notice", role: "status", hidden: true });
    this._holder = el("section", { class: "charts", "aria-label": "Charts" });
    this._chosen = el("ul", { class: "chosen" });
    this._make();
    this._body = el("div", {}, this._chosen, el("div", { class: "tools" }, this._ranges.element), this._notice, this._holder);
    const none = empty("Nothing to compare", "Choose two or more containers by the boxes in the table.", el("a", { class: "button", href: link("overview"), text: "All containers" }));
    this.element = el("div", { class: "page compare" }, el("div", { class: "heading" }, el("a", { href: link("overview"), class: "back", "aria-label": "All containers" }, "←"), el("h1", { tabindex: "-1", text: "Compare" })), this.keys.length ? this._body : none);
  }

  /** Which containers it is about: others need another page. */
  static same(page, { query }) {
    return page.keys.join("\n") === query.getAll("c").slice(0, MOST).join("\n");
  }

  _make() {
    for (const [, chart] of this._charts ?? []) chart.close();
    this._charts = COMPARED.map((panel) => {
      const lines = this.keys.map((key, number) => ({
        ...inkOf(number),
        id: idOf(panel.line.metric, panel.line.attributes, `container:${key}`),
        single: idOf(panel.line.metric, panel.line.attributes),
        label: key.slice(key.indexOf("/") + 1),
        spread: false,
      }));
      // Answers for one entity do not repeat its name with each series.
      const known = this.keys.length > 1 ? lines : lines.map((line) => ({ ...line, id: line.single }));
      return [panel, new Chart(panel, known, { sync: "compare", zoomed: (from, to) => this._choose({ range: this._range.name, from, to }), unzoomed: () => this._choose({ range: this._range.name }) })];
    });
    this._holder.replaceChildren(...this._charts.map(([, chart]) => chart.element));
    this._chosen.replaceChildren(...this.keys.map((key, number) => this._chip(key, number)));
  }

  _chip(key, number) {
    const name = key.slice(key.indexOf("/") + 1);
    const swatch = el("i");
    swatch.style.background = inkOf(number).ink;
    const remove = el("button", { type: "button", class: "quiet", "aria-label": `Remove ${name}`, text: "✕", on: { click: () => this._remove(key) } });
    return el("li", {}, swatch, el("a", { href: containerLink(key) }, named(name, { title: key })), remove);
  }

  _remove(key) {
    this._selected.delete(key);
    const rest = this.keys.filter((each) => each !== key);
    go(link("compare", [], [...rest.map((each) => ["c", each]), ["range", this._range.name]]));
  }

  update({ query }) {
    const range = rangeOf(query, USUAL);
    if (JSON.stringify(range) === JSON.stringify(this._range) || !this.keys.length) return;
    this._range = range;
    this._ranges.update(range);
    this._tail.load(range);
  }

  tick() {}

  repaint() {
    this._make();
    this._draw();
  }

  close() {
    this._tail.close();
    for (const [, chart] of this._charts) chart.close();
  }

  _changed(error) {
    mark(this._notice, "hidden", !error);
    say(this._notice, error?.message ?? "");
    this._draw();
  }

  _draw() {
    for (const [, chart] of this._charts) chart.show(this._tail.frames, this._tail.bounds, [], "None of them has this in this range.");
  }

  _choose(parameters) {
    const address = link("compare", [], [...this.keys.map((key) => ["c", key]), ...Object.entries(parameters)]);
    if (parameters.from) go(address);
    else replace(address);
  }
}
