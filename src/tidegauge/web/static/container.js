// The page of one container: its numbers now, its charts, what happened to it, what it is.

import * as api from "./api.js";
import { Chart } from "./charts.js";
import { badge, el, empty, mark, named, say } from "./dom.js";
import { added, Happenings, markOf } from "./happenings.js";
import { METRICS, PANELS } from "./panels.js";
import { Ranges } from "./ranges.js";
import { containerLink, go, link, rangeOf, replace } from "./route.js";
import { Tail } from "./tail.js";
import { facts, Tiles } from "./tiles.js";

const USUAL = "15m";

export class ContainerPage {
  constructor({ store }, { parts }) {
    this.key = parts.join("/");
    this.title = parts.slice(1).join("/") || this.key;
    this._entity = `container:${this.key}`;
    this._store = store;
    this._known = null;
    this._events = [];
    this._range = null;
    this._tail = new Tail([this._entity], METRICS, store, (error) => this._changed(error));
    this._ranges = new Ranges((name) => this._choose({ range: name }), () => this._unzoom());
    this._charts = PANELS.map((panel) => [panel, new Chart(panel, panel.lines, { sync: "container", zoomed: (from, to) => this._choose({ range: this._range.name, from, to }), unzoomed: () => this._unzoom() })]);
    this._parts();
    this._leave = [
      store.on("list", () => this._listed()),
      store.on("happened", (event) => this._happened(event)),
    ];
    this._load();
  }

  _parts() {
    this._heading = el("h1", { tabindex: "-1" }, named(this.title));
    this._badges = el("span", { class: "badges" });
    this._about = el("p", { class: "about" });
    this._tiles = new Tiles(this.key);
    this._notice = el("p", { class: "notice", role: "status", hidden: true });
    this._list = new Happenings({ whose: false });
    this._quiet = el("p", { class: "note", text: "Nothing happened in this range." });
    this._facts = el("div");
    this._body = el(
      "div",
      {},
      this._tiles.element,
      el("div", { class: "tools" }, this._ranges.element),
      this._notice,
      el("section", { class: "charts", "aria-label": "Charts" }, ...this._charts.map(([, chart]) => chart.element)),
      el("div", { class: "columns" }, el("section", {}, el("h2", { text: "Events" }), this._quiet, this._list.element), el("section", {}, el("h2", { text: "Facts" }), this._facts)),
    );
    this._missing = el("div");
    this.element = el("div", { class: "page container" }, el("div", { class: "heading" }, el("a", { href: link("overview"), class: "back", "aria-label": "All containers" }, "←"), this._heading, this._badges), this._about, this._missing, this._body);
  }

  /** The address says something else: another range. */
  update({ query }) {
    const range = rangeOf(query, USUAL);
    if (JSON.stringify(range) === JSON.stringify(this._range)) return;
    this._range = range;
    this._ranges.update(range);
    this._tail.load(range);
    this._loadEvents();
  }

  tick() {
    const container = this._container;
    if (!container) return;
    this._tiles.update(container);
    this._state(container);
    if (!this._live) return;
    if (container.sampled_at) this._tail.frames.append(container.sampled_at, container.values);
    this._draw();
  }

  repaint() {
    for (const [, chart] of this._charts) chart.repaint();
  }

  close() {
    this._tail.close();
    for (const leave of this._leave) leave();
    for (const [, chart] of this._charts) chart.close();
  }

  get _container() {
    return this._store.containers.get(this.key) ?? this._known;
  }

  get _live() {
    return this._range?.name === "live" && this._range.from === null;
  }

  _listed() {
    const listed = this._store.containers.has(this.key);
    if (!listed && this._wasListed) this._load();
    this._wasListed = listed;
    this._describe();
  }

  async _load() {
    try {
      this._known = await api.container(this.key);
      this._describe();
    } catch (error) {
      if (this._store.containers.has(this.key)) return;
      const gone = error.status === 404;
      const words = gone ? "It may have been removed. What it did is still in the charts, as far as the history goes." : "It is tried again when the connection is back.";
      if (gone) this._known = null;
      mark(this._tiles.element, "hidden", !this._known);
      this._missing.replaceChildren(empty(gone ? "There is no such container now" : error.message, words));
    }
  }

  _describe() {
    const container = this._container;
    if (!container) return;
    this._missing.replaceChildren();
    mark(this._tiles.element, "hidden", false);
    const { image, project, service, engine } = container;
    this._about.replaceChildren(named(image), ` · ${[project, service].filter(Boolean).join(" / ") || "no project"} · ${engine}`);
    this._facts.replaceChildren(facts(container, this._store.uptime(container), this._store.engine(engine)?.host));
    this.tick();
  }

  _state({ state, health }) {
    const key = `${state} ${health}`;
    if (key === this._stateKey) return;
    this._stateKey = key;
    this._badges.replaceChildren(badge(state), ...(health ? [badge(health)] : []));
  }

  /** An answer came, or none. */
  _changed(error) {
    mark(this._notice, "hidden", !error);
    say(this._notice, error ? `${error.message}${error.status === 503 && !this._live ? " Live shows what comes from now on." : ""}` : "");
    if (error && this._live && this._known) this._tail.frames.seed(this._known);
    this._failed = Boolean(error);
    this._draw();
  }

  _draw() {
    const marks = this._events.map(markOf);
    const bounds = this._tail.bounds;
    const { values } = this._container ?? { values: {} };
    for (const { lines } of PANELS) {
      for (const { id, stands } of lines) if (values[stands] && this._tail.frames.newest) this._tail.frames.stand(id, bounds, values[stands]);
    }
    for (const [panel, chart] of this._charts) chart.show(this._tail.frames, bounds, marks, this._why(panel));
  }

  /** Why a chart is empty. */
  _why({ values }) {
    const container = this._container;
    const absent = values.map((name) => container?.absent?.[name]).find(Boolean);
    const absentNow = container && values.every((name) => container.values[name] === undefined || container.values[name] === null);
    if (absent && absentNow) return absent;
    if (this._failed) return "No history to show.";
    return this._range.from === null ? "Nothing was recorded in this range." : "Nothing was recorded between these times.";
  }

  async _loadEvents() {
    const range = this._range;
    const [start, stop] = this._tail.bounds;
    try {
      const { events } = await api.events(start, stop, [this._entity]);
      if (range !== this._range) return;
      this._events = events;
    } catch {
      this._events = []; // the notice says what the matter is: the series could not be had either
    }
    this._showEvents();
  }

  _happened(event) {
    if (event.entity !== this._entity || !this._range || this._range.from !== null) return;
    this._events = added(this._events, event);
    this._showEvents();
    this._load();
  }

  _showEvents() {
    const [start] = this._tail.bounds;
    const shown = this._events.filter(({ at }) => at >= start);
    this._list.show(shown);
    mark(this._quiet, "hidden", shown.length > 0);
    mark(this._list.element, "hidden", shown.length === 0);
    if (this._tail.frames.newest) this._draw();
  }

  _choose(parameters) {
    const address = containerLink(this.key, parameters);
    if (parameters.from) go(address);
    else replace(address);
  }

  _unzoom() {
    if (this._range.from !== null) this._choose({ range: this._range.name });
  }
}
