// A container of another host: its charts and events, as the server of the fleet has them.

import * as api from "./api.js";
import { Chart } from "./charts.js";
import { badge, el, mark, named, say } from "./dom.js";
import { added, Happenings, markOf } from "./happenings.js";
import { METRICS, PANELS } from "./panels.js";
import { Ranges } from "./ranges.js";
import { go, link, rangeOf, RANGES, replace } from "./route.js";
import { Tail } from "./tail.js";

const USUAL = "15m";

export class FleetContainerPage {
  constructor({ store }, { parts: [, host, engine, ...alias] }) {
    this._parts = ["container", host, engine, alias.join("/")];
    this.title = `${alias.join("/")} on ${host}`;
    this._entity = `container:${engine}/${alias.join("/")}`;
    this._host = host;
    this._events = [];
    this._range = null;
    this._tail = new Tail([this._entity], METRICS, store, (error) => this._changed(error), host);
    this._ranges = new Ranges((name) => this._choose({ range: name }), () => this._unzoom(), Object.keys(RANGES).filter((name) => name !== "live"));
    this._charts = PANELS.map((panel) => [panel, new Chart(panel, panel.lines, { sync: "container", zoomed: (from, to) => this._choose({ range: this._range.name, from, to }), unzoomed: () => this._unzoom() })]);
    this._badges = el("span", { class: "badges" });
    this._about = el("p", { class: "about" }, "on ", el("a", { href: link("fleet", ["host", host]) }, named(host)), ` · ${engine}`);
    this._notice = el("p", { class: "notice", role: "status", hidden: true });
    this._list = new Happenings({ whose: false });
    this._quiet = el("p", { class: "note", text: "Nothing happened in this range." });
    this.element = el(
      "div",
      { class: "page container" },
      el("div", { class: "heading" }, el("a", { href: link("fleet", ["host", host]), class: "back", "aria-label": "Containers of its host" }, "←"), el("h1", { tabindex: "-1" }, named(alias.join("/"))), this._badges),
      this._about,
      el("div", { class: "tools" }, this._ranges.element),
      this._notice,
      el("section", { class: "charts", "aria-label": "Charts" }, ...this._charts.map(([, chart]) => chart.element)),
      el("section", {}, el("h2", { text: "Events" }), this._quiet, this._list.element),
    );
    this._describe();
  }

  update({ query }) {
    const range = rangeOf(query, USUAL);
    if (JSON.stringify(range) === JSON.stringify(this._range)) return;
    this._range = range;
    this._ranges.update(range);
    this._tail.load(range);
    this._loadEvents();
  }

  tick() {}

  repaint() {
    for (const [, chart] of this._charts) chart.repaint();
  }

  close() {
    this._tail.close();
    for (const [, chart] of this._charts) chart.close();
  }

  async _describe() {
    const { containers } = await api.fleetContainers({ host: this._host }).catch(() => ({ containers: [] }));
    const [, , engine, alias] = this._parts;
    const found = containers.find((each) => each.engine === engine && each.alias === alias);
    if (!found) return;
    this._badges.replaceChildren(badge(found.state ?? "unknown"));
    this._about.append(...(found.image ? [" · ", named(found.image)] : []), ` · ${[found.project, found.service].filter(Boolean).join(" / ") || "no project"}`);
  }

  _changed(error) {
    mark(this._notice, "hidden", !error);
    say(this._notice, error?.message ?? "");
    this._failed = Boolean(error);
    this._draw();
  }

  _draw() {
    const marks = this._events.map(markOf);
    const nothing = this._failed ? "No history to show." : "Nothing was recorded in this range.";
    for (const [, chart] of this._charts) chart.show(this._tail.frames, this._tail.bounds, marks, nothing);
  }

  async _loadEvents() {
    const range = this._range;
    const [start, stop] = this._tail.bounds;
    const { events } = await api.events(start, stop, [this._entity], this._host).catch(() => ({ events: [] }));
    if (range !== this._range) return;
    this._events = events.reduce(added, []);
    this._list.show(this._events);
    mark(this._quiet, "hidden", this._events.length > 0);
    mark(this._list.element, "hidden", this._events.length === 0);
    if (this._tail.frames.newest) this._draw();
  }

  _choose(parameters) {
    const address = link("fleet", this._parts, parameters);
    if (parameters.from) go(address);
    else replace(address);
  }

  _unzoom() {
    if (this._range.from !== null) this._choose({ range: this._range.name });
  }
}
