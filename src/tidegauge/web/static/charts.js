// One chart: lines, the spread behind them, marks of what happened, a legend that follows the cursor.

import { el, mark, say } from "./dom.js";
import { clock, count, lately, moment } from "./format.js";
import { lowerBound } from "./frames.js";
import { keep, kept } from "./keeping.js";
import { BINARY, WHOLE } from "./panels.js";
import { colour } from "./sparks.js";

await new Promise((resolve, reject) => {
  const given = { src: "static/vendor/uplot/uPlot.iife.min.js", on: { load: resolve, error: reject } };
  document.head.append(el("link", { rel: "stylesheet", href: "static/vendor/uplot/uPlot.min.css" }), el("script", given));
});

const HEIGHT = 176;
const NEAR = 7;
const LIMIT_SHOWN = 0.25; // a limit that is far above would press the line flat
const DASH = [5, 4];
const KEPT = "tidegauge-lines"; // the extra lines that are wanted, whatever the container
const ROOM = 16; // pixels that a mark needs: where they are closer they have no lines, but their heads
const WEIGHT = { muted: 0, good: 1, bad: 2 }; // which of marks in one place is seen

const alpha = (ink, share) => ink.replace(/^(rgb|hsl)\(/, "$1a(").replace(")", `, ${share})`);

/** How many columns a line takes: with a spread its mean, least, greatest and p95. */
const widthOf = (line) => (line.spread ? 4 : 1);

/** `zoomed(from, to)` and `unzoomed()` hear of the mouse; charts of one `sync` share their cursor. */
export class Chart {
  constructor(panel, lines, { sync, zoomed, unzoomed }) {
    this._panel = panel;
    this._lines = lines;
    this._on = { sync, zoomed, unzoomed };
    this._marks = [];
    this._span = [0, 1];
    this._data = [[]];
    this._plot = null;
    const wanted = new Set((kept("localStorage", KEPT) ?? "").split(" "));
    this._shown = lines.map(({ id, extra }) => !extra || wanted.has(id));
    this._legend = lines.map((line, at) => new Entry(line, line.format ?? panel.format, this._shown[at], () => this._toggle(at)));
    this._time = el("span", { class: "at" });
    this._tip = el("div", { class: "tip", hidden: true });
    this._note = el("p", { class: "note", hidden: true });
    this._holder = el("div", { class: "plot", role: "img", "aria-label": panel.title });
    const caption = el("figcaption", {}, el("h3", {}, panel.title, " ", el("small", { text: panel.says })), this._time);
    this.element = el("figure", { class: "chart", "data-panel": panel.key }, caption, this._holder, this._note, el("ul", { class: "legend" }, ...this._legend.map((each) => each.element)));
    this._resized = new ResizeObserver(() => this._resize());
    this._resized.observe(this._holder);
  }

  /** Show what the frames hold from `start` to `stop`; `why` is said where that is nothing. */
  show(frames, [start, stop], marks, why) {
    this._span = [start, stop];
    this._marks = marks;
    this._data = joined(this._lines, frames, start);
    const some = this._data[0].length > 0 && this._data.slice(1).some((column) => column.some(known));
    mark(this._note, "hidden", some);
    mark(this._holder, "hidden", !some);
    mark(this.element, "hidden", !some && this._panel.optional);
    say(this._note, some ? "" : why);
    this._top = this._highest();
    const shared = this._lines.some((line, at) => line.share && this._column(at).some(known));
    if (this._plot && shared !== this._shared) this._unmake();
    this._shared = shared;
    if (some && this._plot) this._plot.setData(this._data);
    else if (some) this._make();
    this._summarise(some);
    this._tell();
  }

  /** Other colours. */
  repaint() {
    if (!this._plot) return;
    this._unmake();
    this._make();
  }

  close() {
    this._resized.disconnect();
    this._unmake();
  }

  _unmake() {
    this._plot?.destroy();
    this._plot = null;
  }

  /** Where the means of a line are. */
  _place(number) {
    return 1 + this._lines.slice(0, number).reduce((sum, line) => sum + widthOf(line), 0);
  }

  /** The means of a line. */
  _column(number) {
    return this._data[this._place(number)] ?? [];
  }

  /** Show an extra line, or not. */
  _toggle(number) {
    const shown = (this._shown[number] = !this._shown[number]);
    const { id } = this._lines[number];
    const others = (kept("localStorage", KEPT) ?? "").split(" ").filter((each) => each && each !== id);
    keep("localStorage", KEPT, [...others, ...(shown ? [id] : [])].join(" "));
    this._legend[number].press(shown);
    this._plot?.setSeries(this._place(number), { show: shown });
    this._summarise(!this._holder.hidden);
    this._tell();
  }

  _make() {
    const width = this._holder.clientWidth || 400;
    this._plot = new uPlot(this._options(width), this._data, this._holder);
    this._plot.over.append(this._tip);
    for (const entry of this._legend) entry.paint();
  }

  _resize() {
    const width = this._holder.clientWidth;
    if (this._plot && width > 0 && width !== this._plot.width) this._plot.setSize({ width, height: HEIGHT });
  }

  _options(width) {
    const text = colour("muted");
    const grid = { stroke: colour("line"), width: 1 };
    const axis = { stroke: text, grid, ticks: { show: false }, font: "11px system-ui, sans-serif" };
    const shared = this._shared;
    const binary = this._panel.format === count ? { incrs: WHOLE } : /bytes/.test(this._panel.says) ? { incrs: BINARY } : {};
    return {
      width,
      height: HEIGHT,
      legend: { show: false },
      padding: [8, shared ? 0 : 12, 0, 0],
      cursor: this._cursor(),
      scales: { x: { time: true, range: () => this._span }, y: { range: () => [0, this._top] }, share: { range: () => [0, 1] } },
      axes: [
        { ...axis, size: 28, space: 64, values: (_, times) => times.map((time) => label(time, this._span)) },
        { ...axis, ...binary, size: 66, space: 34, values: (_, values) => values.map((value) => (value === 0 ? "0" : short(this._panel.format(value)))) },
        ...(shared ? [{ ...axis, scale: "share", side: 1, size: 44, space: 40, grid: { show: false }, values: (_, values) => values.map((value) => `${Math.round(value * 100)} %`) }] : []),
      ],
      series: [{}, ...this._lines.flatMap((line, at) => columns(line, this._shown[at]))],
      bands: bands(this._lines),
      hooks: { draw: [() => this._drawMarks()], setCursor: [() => this._tell()], setSelect: [(plot) => this._select(plot)] },
    };
  }

  _cursor() {
    const follow = new Set(["mousemove", "mouseleave", "mouseenter"]);
    return {
      sync: { key: this._on.sync, setSeries: false, scales: ["x", null], filters: { pub: (type) => follow.has(type) } },
      drag: { x: true, y: false, setScale: false },
      points: { size: 6 },
      y: false,
      bind: { dblclick: () => () => this._on.unzoomed() },
    };
  }

  _select(plot) {
    const { left, width } = plot.select;
    if (width < 4) return;
    const [from, to] = [plot.posToVal(left, "x"), plot.posToVal(left + width, "x")];
    plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
    if (to - from >= 2) this._on.zoomed(Math.floor(from), Math.ceil(to));
  }

  _highest() {
    let [top, limit] = [0, 0];
    let column = 1;
    for (const line of this._lines) {
      const width = widthOf(line);
      for (const values of this._data.slice(column, column + width)) {
        const highest = values?.reduce((most, each) => Math.max(most, each ?? 0), 0) ?? 0;
        if (line.limit) limit = Math.max(limit, highest);
        else if (!line.share) top = Math.max(top, highest);
      }
      column += width;
    }
    if (limit && top >= limit * LIMIT_SHOWN) top = Math.max(top, limit);
    return Math.max(this._panel.least, top) * 1.08;
  }

  _drawMarks() {
    const { ctx, bbox } = this._plot;
    const places = new Map();
    for (const { at, ink } of this._marks) {
      if (at < this._span[0] || at > this._span[1]) continue;
      const x = Math.round(this._plot.valToPos(at, "x", true) / devicePixelRatio / 3) * 3 * devicePixelRatio;
      if (WEIGHT[ink] >= (WEIGHT[places.get(x)] ?? 0)) places.set(x, ink);
    }
    const crowded = places.size * ROOM * devicePixelRatio > bbox.width;
    ctx.save();
    ctx.lineWidth = devicePixelRatio;
    ctx.setLineDash([2 * devicePixelRatio, 3 * devicePixelRatio]);
    for (const [x, ink] of places) {
      ctx.strokeStyle = ctx.fillStyle = colour(ink);
      if (!crowded) {
        ctx.beginPath();
        ctx.moveTo(x, bbox.top);
        ctx.lineTo(x, bbox.top + bbox.height);
        ctx.stroke();
      }
      ctx.fillRect(x - 2 * devicePixelRatio, bbox.top, 4 * devicePixelRatio, 4 * devicePixelRatio);
    }
    ctx.restore();
  }

  /** Legend and marks at the cursor, or the newest values. */
  _tell() {
    const { left, idx } = this._plot?.cursor ?? {};
    const at = left >= 0 && idx !== null && idx !== undefined ? idx : null;
    say(this._time, at === null ? "" : lately(this._data[0][at]));
    let column = 1;
    for (const entry of this._legend) {
      const width = widthOf(entry.line);
      entry.tell(this._data.slice(column, column + width), at, this._panel.keepsAll);
      column += width;
    }
    this._tellMarks(left);
  }

  _tellMarks(left) {
    const near = left >= 0 && this._plot.over.matches(":hover") ? this._marks.filter(({ at }) => Math.abs(this._plot.valToPos(at, "x") - left) <= NEAR) : [];
    mark(this._tip, "hidden", near.length === 0);
    if (!near.length) return;
    say(this._tip, near.slice(-6).map(({ at, words }) => `${clock(at)} ${words}`).join("\n"));
    const right = left > this._plot.over.clientWidth / 2;
    this._tip.style.transform = `translateX(${right ? `calc(${left - 10}px - 100%)` : `${left + 10}px`})`;
  }

  _summarise(some) {
    const [start, stop] = this._span;
    const told = some ? this._legend.map((entry, at) => (this._shown[at] ? entry.summary(this._data, this._place(at)) : "")) : [this._note.textContent];
    mark(this._holder, "aria-label", `${this._panel.title}, ${moment(start)} to ${moment(stop)}. ${told.filter(Boolean).join("; ")}`);
    mark(this.element, "data-points", this._data[0].length);
  }
}

/** A line of the legend; that of an extra line is a button, `toggle` hears of it. */
class Entry {
  constructor(line, format, shown, toggle) {
    this.line = line;
    this._format = format;
    this._swatch = el("i");
    this._value = el("b");
    this._most = el("small");
    const label = el("bdi", { text: line.label, title: line.label });
    const told = [this._swatch, label, this._value, this._most];
    this._button = line.extra ? el("button", { type: "button", class: "quiet", on: { click: toggle } }, ...told) : null;
    this.element = el("li", {}, ...(this._button ? [this._button] : told));
    this.press(shown);
    this.paint();
  }

  press(shown) {
    this._shown = shown;
    if (!this._button) return;
    mark(this._button, "aria-pressed", String(shown));
    mark(this._button, "title", `${shown ? "Hide" : "Show"} ${this.line.label}`);
  }

  paint() {
    this._swatch.style.background = inkOf(this.line);
  }

  tell([mean = [], , most], at, always) {
    mark(this.element, "hidden", !always && !mean.some(known));
    const index = at === null || this.line.limit ? mean.findLastIndex(known) : at;
    const value = this._shown ? mean[index] : undefined;
    say(this._value, this._shown ? this._format(value) : "");
    say(this._most, most?.[index] === undefined || most[index] === null || most[index] === value ? "" : `max ${this._format(most[index])}`);
  }

  summary(data, column) {
    const values = data[column].filter(known);
    if (!values.length) return "";
    const peaks = (data[column + 2] && this.line.spread ? data[column + 2] : data[column]).filter(known);
    const mean = values.reduce((sum, each) => sum + each, 0) / values.length;
    return `${this.line.label} ${this._format(mean)} on average, ${this._format(Math.max(...peaks, ...values))} at most, ${this._format(values.at(-1))} last`;
  }
}

const known = (value) => value !== null && value !== undefined;

const inkOf = (line) => (line.ink.startsWith("hsl") ? line.ink : colour(line.ink));

const thin = { points: { show: false }, width: 0, stroke: "transparent" };

/** The columns of a line: its mean and, with a spread, least, greatest and p95. */
function columns(line, show) {
  const stroke = inkOf(line);
  const scale = line.share ? "share" : "y";
  const dash = line.dash ?? (line.limit ? DASH : undefined);
  const mean = { scale, stroke, show, width: line.extra ? 1 : line.limit ? 1.25 : 1.5, dash, points: { show: lonely }, fill: line.share ? alpha(stroke, 0.15) : undefined };
  if (!line.spread) return [mean];
  return [mean, { ...thin, scale }, { ...thin, scale }, { scale, stroke: alpha(stroke, 0.6), width: 1, dash: [2, 3], points: { show: false } }];
}

// A point between two gaps has no line: it is drawn as a point.
function lonely(plot, series) {
  const values = plot.data[series];
  return values.filter(known).length === 1;
}

function bands(lines) {
  const found = [];
  let column = 1;
  for (const line of lines) {
    if (line.spread) found.push({ series: [column + 2, column + 1], fill: alpha(inkOf(line), 0.18) });
    column += widthOf(line);
  }
  return found;
}

/** One table for uPlot: all times, and a column of each; undefined where a series has no such time. */
function joined(lines, frames, start) {
  const tables = lines.map((line) => {
    const { times, mean, min, max, p95 } = frames.get(line.id);
    const from = Math.max(0, lowerBound(times, start) - 1);
    const cut = (values) => (from ? values.slice(from) : values.slice());
    const spread = frames.coarse ? [min, max, p95] : [[], [], []];
    return [cut(times), cut(mean), ...(line.spread ? spread.map((values) => (values.length ? cut(values) : new Array(times.length - from).fill(undefined))) : [])];
  });
  return uPlot.join(tables);
}

/** Without zeros behind the point. */
const short = (text) => text.replace(/\.(\d*?)0+(?!\d)/, (_, digits) => (digits ? `.${digits}` : ""));

function label(time, [start, stop]) {
  const at = new Date(time * 1000);
  const two = (number) => String(number).padStart(2, "0");
  if (stop - start > 2 * 86400) return at.getHours() || at.getMinutes() ? `${two(at.getHours())}:${two(at.getMinutes())}` : `${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${two(at.getHours())}:${two(at.getMinutes())}${stop - start < 600 ? `:${two(at.getSeconds())}` : ""}`;
}
