// A table of things with a name: sorted by its headings, kept up to date in place, one stop for Tab.

import { bar, el, hint, mark, say } from "./dom.js";
import { missing } from "./format.js";

/** Columns: { key, label, words, text(row), value(row), share(row), title(row), kind }. The first is the
 *  name, whose `link(row)` may be null; `named(row)` makes what it shows. `sorted(key)` hears of headings. */
export class Sheet {
  constructor(label, columns, sorted) {
    this._columns = columns;
    this._rows = new Map();
    this._current = null;
    this._headings = columns.map((column) => heading(column, sorted));
    this._body = el("tbody", { role: "rowgroup" });
    this._table = el("table", { role: "table", class: "plain sheet", "aria-label": label }, el("thead", { role: "rowgroup" }, el("tr", { role: "row" }, ...this._headings)), this._body);
    this.element = el("div", { class: "scroll" }, this._table);
    this._table.addEventListener("keydown", (event) => this._key(event));
    this._table.addEventListener("focusin", (event) => this._reach(event.target.closest("tr")?.row));
  }

  /** Show these, each with a `key` of its own, in the order of a column. */
  show(items, { sort, down }) {
    for (const each of this._headings) mark(each, "aria-sort", each.dataset.key === sort ? (down ? "descending" : "ascending") : null);
    const column = this._columns.find(({ key }) => key === sort) ?? this._columns[0];
    const ordered = [...items].sort((one, other) => compared(column.value(one), column.value(other), down) || compared(one.key, other.key, false));
    const rows = new Map();
    for (const item of ordered) {
      const row = this._rows.get(item.key) ?? new Row(this._columns);
      row.update(item);
      rows.set(item.key, row);
    }
    for (const [key, row] of this._rows) if (!rows.has(key)) row.element.remove();
    this._rows = rows;
    let next = this._body.firstElementChild;
    for (const { element } of rows.values()) {
      if (element === next) next = next.nextElementSibling;
      else this._body.insertBefore(element, next);
    }
    if (![...rows.values()].includes(this._current)) this._reach(rows.values().next().value);
    mark(this.element, "hidden", rows.size === 0);
  }

  /** The first row is reached. */
  focus() {
    this._rows.values().next().value?.focus();
  }

  _reach(row) {
    if (!row || row === this._current) return;
    this._current?.reach(false);
    this._current = row;
    row.reach(true);
  }

  _key(event) {
    const rows = [...this._rows.values()];
    const at = rows.indexOf(event.target.closest("tr")?.row);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: rows.length - 1, PageDown: Math.min(at + 10, rows.length - 1), PageUp: Math.max(at - 10, 0) }[event.key];
    if (at < 0 || to === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    rows[to]?.focus();
  }
}

class Row {
  constructor(columns) {
    this._columns = columns;
    this._link = el("a", { tabindex: "-1", class: "whose" });
    this._more = el("span", { class: "more" });
    this._cells = columns.slice(1).map(({ label, kind, share }) => {
      const text = el("span");
      const gauge = share ? bar() : null;
      return { text, gauge, element: el("td", { role: "cell", class: kind, "data-label": label }, gauge ? el("span", { class: "meter" }, text, gauge) : text) };
    });
    this.element = el("tr", { role: "row" }, el("th", { role: "rowheader", scope: "row" }, this._link, this._more), ...this._cells.map(({ element }) => element));
    this.element.row = this;
  }

  update(item) {
    const [first, ...others] = this._columns;
    mark(this.element, "data-key", item.key);
    mark(this.element, "data-silent", Boolean(item.silent));
    mark(this._link, "href", first.link(item));
    const about = JSON.stringify(first.about(item));
    if (this._about !== about) {
      const [name, more] = first.about(item);
      this._link.replaceChildren(el("bdi", { title: name, text: name }));
      this._more.replaceChildren(...(more ? [el("small", { dir: "auto", text: more })] : []));
      this._about = about;
    }
    others.forEach((column, at) => {
      const { text, gauge, element } = this._cells[at];
      say(text, column.text(item));
      hint(element, column.title?.(item) ?? "");
      mark(element, "data-bad", Boolean(column.bad?.(item)));
      gauge?.fill(column.share(item));
    });
  }

  reach(reachable) {
    mark(this._link, "tabindex", reachable ? "0" : "-1");
  }

  focus() {
    this._link.focus();
  }
}

function heading({ key, label, words, kind }, sorted) {
  const button = el("button", { type: "button", title: words, text: label, on: { click: () => sorted(key) } });
  return el("th", { role: "columnheader", scope: "col", class: kind, "data-key": key }, button);
}

/** What is missing comes last, whichever way. */
function compared(one, other, down) {
  if (missing(one) || missing(other)) return Number(missing(one)) - Number(missing(other));
  const order = typeof one === "string" ? one.localeCompare(other, "en", { numeric: true }) : one - other;
  return down ? -order : order;
}
