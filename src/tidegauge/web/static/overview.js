// The first page: machines, engines, and every container in a table.

import { GROUPS, SORTS, tally } from "./arrange.js";
import { Cards } from "./cards.js";
import { el, empty, mark, say } from "./dom.js";
import { Grid, sortedBy } from "./grid.js";
import { link, replace } from "./route.js";
import { COLUMNS } from "./table.js";

const USUAL = { group: "project", sort: "name", down: false, state: "", q: "" };
const STATES = ["running", "restarting", "paused", "created", "exited", "dead", "unknown", "unhealthy"];
const MOST_COMPARED = 20;

function viewOf(query) {
  const view = { ...USUAL, q: query.get("q") ?? "", state: query.get("state") ?? "", down: query.get("down") === "1" };
  if (Object.hasOwn(GROUPS, query.get("group") ?? "")) view.group = query.get("group");
  if (Object.hasOwn(SORTS, query.get("sort") ?? "")) view.sort = query.get("sort");
  return view;
}

const unlike = (view) => Object.entries(view).filter(([key, value]) => value !== USUAL[key]).map(([key, value]) => [key, value === true ? "1" : value]);

export class OverviewPage {
  constructor({ store, selected }) {
    this.title = "Containers";
    this._store = store;
    this._selected = selected;
    this._view = USUAL;
    this._cards = new Cards(store);
    this._grid = new Grid(store, { selected, choose: (key, on) => this._choose(key, on), sort: (key) => this._change(sortedBy(this._view, key)) });
    this._parts();
    this._leave = [
      store.on("list", () => this._grid.describe()),
      store.on("surroundings", () => this._cards.update()),
    ];
  }

  _parts() {
    this._search = el("input", { type: "search", id: "search", placeholder: "Search  /", "aria-label": "Search name, image, project and tags", autocomplete: "off", spellcheck: "false" });
    this._search.addEventListener("input", () => this._change({ q: this._search.value }));
    this._search.addEventListener("keydown", (event) => this._searchKey(event));
    this._chips = el("div", { class: "chips", role: "group", "aria-label": "States" });
    this._group = choice("Group by", Object.entries(GROUPS).map(([key, [words]]) => [key, words]), (group) => this._change({ group }));
    const sorts = COLUMNS.map(([key, label]) => [key, label]);
    this._sort = choice("Sort by", sorts, (sort) => this._change({ ...sortedBy({ sort: "" }, sort) }));
    this._sort.classList.add("narrow");
    this._shown = el("span", { class: "shown", role: "status" });
    this._compare = el("a", { class: "button" });
    this._none = el("button", { type: "button", class: "quiet", text: "Clear", on: { click: () => this._clear() } });
    this._bar = el("div", { class: "comparing", hidden: true }, this._compare, this._none);
    this._empty = el("div");
    this.element = el(
      "div",
      { class: "page overview" },
      el("h1", { class: "unseen", text: "Containers" }),
      this._cards.element,
      el("div", { class: "tools", role: "search" }, this._search, this._chips, this._group, this._sort, this._shown),
      this._grid.element,
      this._empty,
      this._bar,
    );
  }

  /** The address says something else. */
  update({ query }) {
    this._view = viewOf(query);
    if (this._search.value !== this._view.q) this._search.value = this._view.q;
    this._group.choose(this._view.group);
    this._sort.choose(this._view.sort);
    this._comparing();
    this._cards.update();
    this.tick();
  }

  tick() {
    const { store, shown } = { store: this._store, shown: this._grid.show(this._view, this._hosts()) };
    const all = store.containers.size;
    this._showChips();
    say(this._shown, shown === all ? `${all} ${all === 1 ? "container" : "containers"}` : `${shown} of ${all} containers`);
    mark(this._grid.element, "hidden", shown === 0);
    mark(this._grid.element, "data-at", store.at);
    mark(this._search.parentElement, "hidden", all === 0);
    this._showEmpty(all, shown);
  }

  repaint() {
    this._grid.repaint();
  }

  close() {
    this._grid.close();
    for (const leave of this._leave) leave();
  }

  /** `/` comes here. */
  search() {
    this._search.focus();
    this._search.select();
  }

  _searchKey(event) {
    if (event.key === "Escape") {
      if (this._search.value) this._change({ q: "" });
      else this._search.blur();
    } else if (event.key === "ArrowDown" || event.key === "Enter") {
      event.preventDefault();
      this._grid.element.querySelector("a[tabindex='0']")?.focus();
    }
  }

  _change(what) {
    replace(link("overview", [], unlike({ ...this._view, ...what })));
  }

  /** The machine of each engine, as it tells; some do not. */
  _hosts() {
    return new Map(this._store.engines.map(({ name, host }) => [name, host]));
  }

  _showChips() {
    const counts = tally(this._store.containers.values());
    const present = STATES.filter((state) => counts.has(state) || state === this._view.state);
    const wanted = ["", ...present];
    const key = wanted.join();
    if (key !== this._chipKey) {
      this._chipKey = key;
      this._chips.replaceChildren(...wanted.map((state) => this._chip(state)));
    }
    for (const chip of this._chips.children) {
      const state = chip.dataset.state;
      say(chip.lastChild, String(state === "" ? this._store.containers.size : (counts.get(state) ?? 0)));
      mark(chip, "aria-pressed", String(state === this._view.state));
    }
  }

  _chip(state) {
    return el("button", { type: "button", class: "chip", "data-state": state, "data-is": state, on: { click: () => this._change({ state: state === this._view.state ? "" : state }) } }, state || "all", " ", el("b"));
  }

  _choose(key, on) {
    if (on) this._selected.add(key);
    else this._selected.delete(key);
    this._comparing();
  }

  _clear() {
    this._selected.clear();
    this._grid.choose(this._selected);
    this._comparing();
  }

  _comparing() {
    const keys = [...this._selected].filter((key) => this._store.containers.has(key) || !this._store.loaded);
    mark(this._bar, "hidden", keys.length === 0);
    const many = keys.length > MOST_COMPARED;
    const able = keys.length > 1 && !many;
    say(this._compare, able ? `Compare ${keys.length} containers` : many ? `${MOST_COMPARED} can be compared at most; ${keys.length} are chosen` : "Choose another one to compare");
    mark(this._compare, "href", able ? link("compare", [], keys.map((key) => ["c", key])) : null);
  }

  _showEmpty(all, shown) {
    const kind = !this._store.loaded ? "loading" : all === 0 ? `none ${this._store.engines.map((each) => `${each.connected}${each.trouble}`)}` : shown === 0 ? "filtered" : "";
    if (kind === this._emptyKind) return;
    this._emptyKind = kind;
    this._empty.replaceChildren(...(kind === "" ? [] : [this._emptyOf(kind)]));
  }

  _emptyOf(kind) {
    if (kind === "loading") return el("p", { class: "loading", text: "Loading …" });
    if (kind === "filtered") {
      const all = el("button", { type: "button", text: "Show all", on: { click: () => this._change({ q: "", state: "" }) } });
      return empty("Nothing fits", "No container has this name, image, project or tag in this state.", all);
    }
    const away = this._store.engines.filter((each) => !each.connected);
    if (away.length === this._store.engines.length && away.length > 0) {
      return empty("No engine answers", ...away.map((each) => `${each.name}: ${each.trouble ?? "not connected"}`), "It is tried again all the time; containers appear here as soon as it answers.");
    }
    return empty("No containers to watch", "Start one and it appears here at once:", el("pre", { text: "docker run --detach --name web nginx" }), "If there are some already, [containers] or [filters] in the configuration leave them out: tidegauge check says which and why.");
  }
}

/** A labelled list to choose one from. */
function choice(label, options, chosen) {
  const select = el("select", {}, ...options.map(([value, text]) => el("option", { value, text })));
  select.addEventListener("change", () => chosen(select.value));
  const element = el("label", { class: "choice" }, el("span", { text: label }), select);
  element.choose = (value) => {
    select.value = value;
  };
  return element;
}
