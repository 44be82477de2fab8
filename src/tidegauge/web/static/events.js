// What happened to all containers, newest first.

import * as api from "./api.js";
import { el, empty, mark, say } from "./dom.js";
import { added, Happenings, keyOf, kindOf, wordsOf } from "./happenings.js";
import { Ranges } from "./ranges.js";
import { bounds, link, rangeOf, replace } from "./route.js";

const USUAL = "24h";
const MOST = 500;

export class EventsPage {
  constructor({ store }) {
    this.title = "Events";
    this._store = store;
    this._events = [];
    this._view = { q: "", kind: "" };
    this._ranges = new Ranges((name) => this._change({ range: name }), () => {}, ["15m", "1h", "6h", "24h", "7d", "30d", "90d"]);
    this._search = el("input", { type: "search", placeholder: "Search  /", "aria-label": "Search containers and facts", autocomplete: "off", spellcheck: "false" });
    this._search.addEventListener("input", () => this._change({ q: this._search.value }));
    this._search.addEventListener("keydown", (event) => event.key === "Escape" && (this._search.value ? this._change({ q: "" }) : this._search.blur()));
    this._kinds = el("select", { "aria-label": "Kind of event" });
    this._kinds.addEventListener("change", () => this._change({ kind: this._kinds.value }));
    this._shown = el("span", { class: "shown", role: "status" });
    this._list = new Happenings({ whose: true });
    this._empty = el("div");
    this.element = el("div", { class: "page events" }, el("h1", { tabindex: "-1", text: "Events" }), el("div", { class: "tools" }, this._search, this._kinds, this._ranges.element, this._shown), this._empty, this._list.element);
    this._leave = [store.on("happened", (event) => this._happened(event))];
  }

  update({ query }) {
    const range = rangeOf(query, USUAL);
    this._view = { q: query.get("q") ?? "", kind: query.get("kind") ?? "" };
    if (this._search.value !== this._view.q) this._search.value = this._view.q;
    this._ranges.update(range);
    if (JSON.stringify(range) === JSON.stringify(this._range)) return this._show();
    this._range = range;
    return this._load();
  }

  tick() {}

  repaint() {}

  close() {
    for (const leave of this._leave) leave();
  }

  search() {
    this._search.focus();
    this._search.select();
  }

  async _load() {
    const range = this._range;
    const [start, stop] = bounds(range, this._store.at || Date.now() / 1000);
    this._error = null;
    try {
      const { events } = await api.events(start, stop);
      if (range !== this._range) return;
      this._events = events;
    } catch (error) {
      this._events = [];
      this._error = error;
    }
    this._loaded = true;
    this._show();
  }

  _happened(event) {
    this._events = added(this._events, event);
    this._show();
  }

  _change(what) {
    const { name } = this._range;
    const parameters = { ...this._view, range: name === USUAL ? "" : name, ...what };
    replace(link("events", [], parameters));
  }

  _show() {
    if (!this._loaded) return;
    const kinds = [...new Set(this._events.map(kindOf))].sort();
    const wanted = kinds.includes(this._view.kind) || !this._view.kind ? kinds : [...kinds, this._view.kind];
    if (wanted.join() !== this._wanted) {
      this._wanted = wanted.join();
      this._kinds.replaceChildren(el("option", { value: "", text: "all kinds" }), ...wanted.map((kind) => el("option", { value: kind, text: kind })));
    }
    this._kinds.value = this._view.kind;
    const words = this._view.q.toLowerCase().split(/\s+/).filter(Boolean);
    const fits = this._events.filter((event) => {
      const text = `${keyOf(event.entity)} ${kindOf(event)} ${wordsOf(event)}`.toLowerCase();
      return (!this._view.kind || kindOf(event) === this._view.kind) && words.every((word) => text.includes(word));
    });
    this._list.show(fits.slice(-MOST));
    mark(this._list.element, "hidden", fits.length === 0);
    say(this._shown, fits.length > MOST ? `the newest ${MOST} of ${fits.length} events` : `${fits.length} ${fits.length === 1 ? "event" : "events"}`);
    this._empty.replaceChildren(...(fits.length ? [] : [this._nothing()]));
  }

  _nothing() {
    if (this._error) return empty("No events to show", this._error.message, "What happens from now on appears here.");
    if (this._events.length) return empty("Nothing fits", "No event of this range is of this kind and holds these words.");
    return empty("Nothing happened", "No container started, ended or changed its health in this range.");
  }
}

