// The rows of the overview. A row remembers what it shows, and touches only what changed.

import { badge, bar, el, hint, mark, named, say } from "./dom.js";
import { bytes, cores, count, exact, missing, moment, percent, rate, span } from "./format.js";
import { containerLink } from "./route.js";
import { colour, draw, spark } from "./sparks.js";

/** Columns: key (by which it sorts), heading, what it says at length, class. */
export const COLUMNS = [
  ["name", "Container", "Name, project, service and image", "name"],
  ["state", "State", "State and health", "state"],
  ["cpu", "CPU, cores", "Cores in use; the bar is the share of its limit, or of the machine", "wide"],
  ["memory", "Memory", "Working set; the bar is the share of its limit, or of the machine", "wide"],
  ["rx", "Received", "Bytes received per second", "number net"],
  ["tx", "Sent", "Bytes sent per second", "number net"],
  ["read", "Read", "Bytes read from block devices per second", "number io"],
  ["write", "Written", "Bytes written to block devices per second", "number io"],
  ["pids", "Tasks", "Processes and threads", "number tasks"],
  ["uptime", "Up", "Time since its last start", "number up"],
  ["restarts", "Restarts", "Restarts, by policy and by hand", "number restarts"],
];

const NUMBERS = { rx: rate, tx: rate, read: rate, write: rate, pids: count };
const CLASSES = Object.fromEntries(COLUMNS.map(([key, , , kind]) => [key, kind]));
const LABELS = Object.fromEntries(COLUMNS.map(([key, label]) => [key, label]));

const IDLE_CORES = 0.02;

const cell = (key, ...children) => el("td", { role: "cell", class: CLASSES[key], "data-key": key, "data-label": LABELS[key] }, ...children);

/** A value with its bar and its spark. */
class Gauge {
  constructor(key) {
    this.number = el("b");
    this.share = el("small");
    this.bar = bar();
    this.spark = spark();
    const text = el("span", { class: "gauge" }, el("span", { class: "figure" }, this.number, this.share), this.bar);
    this.element = cell(key, this.spark, text);
  }

  show(text, share, title, free) {
    say(this.number, text);
    say(this.share, share === null ? "" : free ? "" : percent(share));
    this.bar.fill(share, free);
    hint(this.element, title);
  }
}

/** One container. */
export class Row {
  constructor(container, store, selected, group) {
    this.key = container.key;
    this.visible = false;
    this._store = store;
    this._parts(container, selected);
    this.describe(container, group);
    this.update(container);
  }

  _parts(container, selected) {
    this._pick = el("input", { type: "checkbox", tabindex: "-1", class: "pick", "aria-label": `Compare ${container.alias}` });
    this._pick.checked = selected;
    this._link = el("a", { href: containerLink(this.key), tabindex: "-1" }, named(container.alias));
    this._about = el("span", { class: "about" });
    this._state = badge("");
    this._health = el("span", { class: "health" });
    this._cpu = new Gauge("cpu");
    this._memory = new Gauge("memory");
    this._numbers = Object.fromEntries(Object.keys(NUMBERS).map((key) => [key, cell(key)]));
    this._up = cell("uptime");
    this._restarts = cell("restarts");
    this.element = el(
      "tr",
      { role: "row" },
      el("td", { role: "cell", class: "choose" }, this._pick),
      el("th", { role: "rowheader", scope: "row", class: "name" }, this._link, this._about),
      cell("state", this._state, this._health),
      this._cpu.element,
      this._memory.element,
      ...Object.values(this._numbers),
      this._up,
      this._restarts,
    );
    this.element.dataset.container = this.key;
    this.element.row = this;
  }

  /** What seldom changes; what the group's heading says is not repeated. */
  describe(container, group) {
    const { project, service, image } = container;
    const belongs = [group === "project" ? null : project, service].filter(Boolean).join(" / ");
    const about = `${belongs}\n${image}`;
    if (about !== this._said) this._about.replaceChildren(...(belongs ? [named(belongs, { class: "belongs" })] : []), named(image, { class: "image" }));
    this._said = about;
    say(this._restarts, count(container.restarts));
    const exits = Object.entries(container.exits).map(([code, times]) => `exit code ${code}: ${times}`);
    hint(this._restarts, [...exits, container.oom_kills ? `killed for lack of memory: ${container.oom_kills}` : ""].filter(Boolean).join("\n"));
    mark(this._restarts, "data-bad", container.oom_kills > 0);
  }

  /** What moves. */
  update(container) {
    const { state, health, values } = container;
    say(this._state, state);
    mark(this._state, "data-is", state);
    say(this._health, health ?? "");
    mark(this._health, "data-is", health);
    mark(this.element, "data-state", state);
    mark(this.element, "data-sampled", container.sampled_at);
    this._gauges(container);
    for (const [key, format] of Object.entries(NUMBERS)) {
      say(this._numbers[key], format(values[key]));
      mark(this._numbers[key], "data-idle", !values[key]);
      hint(this._numbers[key], exact(key, container));
    }
    const up = this._store.uptime(container);
    say(this._up, span(up));
    hint(this._up, container.started_at ? `started ${moment(container.started_at)}` : "never started");
  }

  _gauges(container) {
    const { values } = container;
    const limits = this._store.limits(container);
    const held = values.cpu_throttled > 0.005;
    const shareOf = (value, limit) => (missing(value) || !limit ? null : value / limit);
    const of = (own, text) => (own ? `limit ${text}` : `no limit; the machine has ${text}`);
    const cpuTitle = `${exact("cpu", container)}\n${limits.cpu ? of(limits.ownCpu, `${count(limits.cpu)} cores`) : "no limit"}${held ? `\nthrottled in ${percent(values.cpu_throttled)} of its CPU periods` : ""}`;
    this._cpu.show(cores(values.cpu), shareOf(values.cpu, limits.cpu), cpuTitle, !limits.ownCpu);
    mark(this._cpu.element, "data-held", held);
    const memoryTitle = `${exact("memory", container)}\n${limits.memory ? of(limits.ownMemory, bytes(limits.memory)) : "no limit"}`;
    this._memory.show(bytes(values.memory), shareOf(values.memory, limits.memory), memoryTitle, !limits.ownMemory);
  }

  /** Its sparks; only worth it where it can be seen. */
  paint(container) {
    draw(this._cpu.spark, container.rings.cpu, IDLE_CORES, colour("cpu"));
    draw(this._memory.spark, container.rings.memory, 0, colour("memory"));
  }

  choose(selected) {
    this._pick.checked = selected;
  }

  /** Whether Tab comes here. */
  reach(reachable) {
    mark(this._link, "tabindex", reachable ? "0" : "-1");
    mark(this._pick, "tabindex", reachable ? "0" : "-1");
  }

  focus() {
    this._link.focus();
  }
}

/** The heading of a group, with its sums. */
export class GroupHead {
  constructor(label, name) {
    this._count = el("span", { class: "count" });
    this._sums = Object.fromEntries(["cpu", "memory", ...Object.keys(NUMBERS)].map((key) => [key, cell(key)]));
    this.element = el(
      "tr",
      { role: "row", class: "group" },
      el("th", { role: "rowheader", scope: "rowgroup", class: "label" }, name === null ? el("span", { text: label }) : named(name), this._count),
      ...Object.values(this._sums),
    );
  }

  update(items, totals) {
    const running = items.filter((each) => each.state === "running").length;
    say(this._count, running === items.length ? `${items.length}` : `${running} of ${items.length} running`);
    for (const [key, node] of Object.entries(this._sums)) {
      const format = key === "cpu" ? cores : key === "memory" ? bytes : NUMBERS[key];
      say(node, totals[key] === undefined ? "" : format(totals[key]));
      mark(node, "data-sum", totals[key] === undefined ? null : totals[key]);
    }
  }
}
