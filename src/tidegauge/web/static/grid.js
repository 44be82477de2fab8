// The table of the overview: groups of rows, kept in order with as few moves as possible.

import { arrange, GREATEST_FIRST, MOVING } from "./arrange.js";
import { el, mark } from "./dom.js";
import { COLUMNS, GroupHead, Row } from "./table.js";

const SPREAD = 5; // rows out of sight are brought up to date in turns, each this often in seconds

/** Shows a store's containers by a view; `choose(key, on)` hears of ticks, `sort(key)` of headings. */
export class Grid {
  constructor(store, { selected, choose, sort }) {
    this._store = store;
    this._selected = selected;
    this._rows = new Map();
    this._groups = new Map();
    this._order = "";
    this._ticks = 0;
    this._current = null;
    this._watcher = new IntersectionObserver((entries) => this._seen(entries), { rootMargin: "120px" });
    this._headings = COLUMNS.map(([key, label, words, kind]) => this._heading(key, label, words, kind, sort));
    this.element = el(
      "table",
      { role: "table", class: "grid", "aria-label": "Containers" },
      el("thead", { role: "rowgroup" }, el("tr", { role: "row" }, el("th", { role: "columnheader", class: "choose" }, el("span", { class: "unseen", text: "Compare" })), ...this._headings)),
    );
    this.element.addEventListener("keydown", (event) => this._key(event));
    this.element.addEventListener("focusin", (event) => this._reach(event.target.closest("tr")?.row));
    this.element.addEventListener("change", (event) => {
      const row = event.target.closest("tr")?.row;
      if (row) choose(row.key, event.target.checked);
    });
    this.element.addEventListener("click", (event) => this._click(event));
  }

  _heading(key, label, words, kind, sort) {
    const button = el("button", { type: "button", title: words, text: label, on: { click: () => sort(key) } });
    const heading = el("th", { role: "columnheader", scope: "col", class: kind }, button);
    heading.dataset.key = key;
    return heading;
  }

  /** Bring everything up to date; returns how many containers are shown. */
  show(view, hosts) {
    const regrouped = this._view !== undefined && this._view.group !== view.group;
    this._view = view;
    if (regrouped) this.describe();
    const groups = arrange(this._store.containers.values(), view, hosts);
    for (const heading of this._headings) {
      const sorted = heading.dataset.key === view.sort;
      mark(heading, "aria-sort", sorted ? (view.down ? "descending" : "ascending") : null);
    }
    const order = JSON.stringify([view.group, groups.map(({ key, items }) => [key, items.map((each) => each.key)])]);
    if (order !== this._order && !(this._held(view) && this._sameRows(groups))) {
      this._place(groups, view);
      this._order = order;
    }
    this._update(groups);
    return groups.reduce((sum, { items }) => sum + items.length, 0);
  }

  /** Names, images, limits may have changed. */
  describe() {
    for (const [key, row] of this._rows) {
      const container = this._store.containers.get(key);
      if (container) row.describe(container, this._view.group);
    }
  }

  /** Paint again, in other colours. */
  repaint() {
    for (const row of this._rows.values()) this._paint(row);
  }

  choose(selected) {
    for (const row of this._rows.values()) row.choose(selected.has(row.key));
  }

  close() {
    this._watcher.disconnect();
  }

  // Rows that swap places each second cannot be pointed at: they wait while somebody does. A heading
  // keeps the focus of the click that sorted, so only rows count, and only a focus that is shown.
  _held(view) {
    const asked = `${view.sort} ${view.down} ${view.group}`;
    const same = asked === this._asked;
    this._asked = asked;
    return same && MOVING.has(view.sort) && this.element.querySelector("tbody:hover, tbody :focus-visible") !== null;
  }

  _sameRows(groups) {
    const keys = groups.flatMap(({ items }) => items.map((each) => each.key));
    return keys.length === this._rows.size && keys.every((key) => this._rows.has(key));
  }

  _place(groups, view) {
    const focused = document.activeElement;
    const bodies = new Map();
    const rows = new Map();
    for (const { items } of groups) for (const each of items) this._row(each, rows);
    for (const [key, row] of this._rows) if (!rows.has(key)) this._drop(row);
    for (const { key, items } of groups) {
      const id = JSON.stringify([view.group, key]);
      const group = this._groups.get(id) ?? this._group(key, view);
      bodies.set(id, group);
      inOrder(group.body, [group.head.element, ...items.map((each) => rows.get(each.key).element)]);
    }
    for (const [id, { body }] of this._groups) if (!bodies.has(id)) body.remove();
    this._rows = rows;
    this._groups = bodies;
    inOrder(this.element, [this.element.tHead, ...[...bodies.values()].map(({ body }) => body)]);
    if (this.element.contains(focused) && focused !== document.activeElement) focused.focus({ preventScroll: true });
    if (!rows.has(this._current?.key)) this._reach(rows.values().next().value);
  }

  _group(key, view) {
    const label = view.group === "none" ? "All containers" : `No ${view.group}`;
    const head = new GroupHead(label, view.group === "none" ? null : key);
    return { head, body: el("tbody", { role: "rowgroup" }, head.element) };
  }

  _row(container, rows) {
    let row = this._rows.get(container.key);
    if (!row) {
      row = new Row(container, this._store, this._selected.has(container.key), this._view.group);
      this._watcher.observe(row.element);
    }
    rows.set(container.key, row);
  }

  _drop(row) {
    this._watcher.unobserve(row.element);
    row.element.remove();
  }

  _update(groups) {
    this._ticks += 1;
    let number = 0;
    for (const { key, items, totals } of groups) {
      this._groups.get(JSON.stringify([this._view.group, key]))?.head.update(items, totals);
      for (const container of items) {
        number += 1;
        const row = this._rows.get(container.key);
        if (row?.visible || number % SPREAD === this._ticks % SPREAD) row?.update(container);
        if (row?.visible) row.paint(container);
      }
    }
  }

  _seen(entries) {
    for (const { target, isIntersecting } of entries) {
      target.row.visible = isIntersecting;
      if (isIntersecting) this._paint(target.row);
    }
  }

  _paint(row) {
    const container = this._store.containers.get(row.key);
    if (!container || !row.visible) return;
    row.update(container);
    row.paint(container);
  }

  _reach(row) {
    if (!row || row === this._current) return;
    this._current?.reach(false);
    this._current = row;
    row.reach(true);
  }

  _click(event) {
    const row = event.target.closest("tr")?.row;
    if (!row || event.target.closest("a, input, .choose") || getSelection().toString()) return;
    row.element.querySelector("a").click();
  }

  _key(event) {
    const row = event.target.closest("tr")?.row;
    const rows = [...this.element.querySelectorAll("tbody tr")].map((each) => each.row).filter(Boolean);
    const at = rows.indexOf(row);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: rows.length - 1, PageDown: Math.min(at + 10, rows.length - 1), PageUp: Math.max(at - 10, 0) }[event.key];
    if (at < 0 || to === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    rows[to]?.focus();
  }
}

/** Put children into this order; those that stand right are not touched. */
function inOrder(parent, children) {
  let next = parent.firstElementChild;
  for (const child of children) {
    if (child === next) next = next.nextElementSibling;
    else parent.insertBefore(child, next);
  }
}

/** How a heading sorts when it is chosen: numbers with the greatest first, and the other way next. */
export function sortedBy(view, key) {
  return { sort: key, down: view.sort === key ? !view.down : GREATEST_FIRST.has(key) };
}
