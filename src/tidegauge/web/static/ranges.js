// The choice of a range of time, and the way back out of a zoom.

import { el, mark, say } from "./dom.js";
import { lately } from "./format.js";
import { RANGES } from "./route.js";

const WORDS = { live: "Live", "5m": "5 min", "15m": "15 min", "1h": "1 h", "6h": "6 h", "24h": "24 h", "7d": "7 d", "30d": "30 d", "90d": "90 d" };
const LONG = { live: "Live: the last 3 minutes, second by second", "5m": "5 minutes", "15m": "15 minutes", "1h": "1 hour", "6h": "6 hours", "24h": "24 hours", "7d": "7 days", "30d": "30 days", "90d": "90 days" };

/** Buttons for `names`; `chosen(name)` and `unzoomed()` hear of them. */
export class Ranges {
  constructor(chosen, unzoomed, names = Object.keys(RANGES)) {
    this._buttons = names.map((name) => el("button", { type: "button", class: "chip", "data-range": name, title: LONG[name], on: { click: () => chosen(name) } }, WORDS[name]));
    this._zoom = el("button", { type: "button", class: "zoomed", title: "Back to the whole range (double click in a chart)", on: { click: unzoomed } });
    this.element = el("div", { class: "ranges", role: "group", "aria-label": "Range of time" }, ...this._buttons, this._zoom);
  }

  update({ name, from, to }) {
    for (const button of this._buttons) mark(button, "aria-pressed", String(from === null && button.dataset.range === name));
    mark(this._zoom, "hidden", from === null);
    say(this._zoom, from === null ? "" : `${lately(from)} – ${lately(to)}  ✕`);
  }
}
