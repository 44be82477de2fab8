// How Tidegauge itself does.

import * as api from "./api.js";
import { badge, el, empty, named } from "./dom.js";
import { bytes, count, cycle, lately, missing, moment, percent, seconds, span } from "./format.js";

const EVERY = 5000;
const SLOW_LAG = 0.1;

export class StatusPage {
  constructor() {
    this.title = "Status";
    this._body = el("div");
    this.element = el("div", { class: "page status" }, el("h1", { tabindex: "-1", text: "Status" }), this._body);
    this._before = null;
  }

  update() {
    if (!this._timer) this._load();
  }

  tick() {}

  repaint() {}

  close() {
    clearTimeout(this._timer);
    this._closed = true;
  }

  async _load() {
    this._timer = setTimeout(() => this._load(), EVERY);
    if (document.hidden) return;
    try {
      const status = await api.status();
      if (!this._closed) this._show(status);
    } catch (error) {
      if (!this._closed) this._body.replaceChildren(empty("No status", error.message));
    }
  }

  _show(status) {
    this._body.replaceChildren(this._self(status), engines(status.engines), exporters(status.exporters), history(status.history), dropped(status));
    this._before = { cpu: status.cpu_seconds, uptime: status.uptime };
  }

  _self(status) {
    const before = this._before;
    const used = before && !missing(status.cpu_seconds) ? (status.cpu_seconds - before.cpu) / Math.max(1, status.uptime - before.uptime) : missing(status.cpu_seconds) ? null : status.cpu_seconds / Math.max(1, status.uptime);
    return section(
      "Tidegauge",
      numbers([
        ["Version", status.version, `on ${status.host}`],
        ["Up", span(status.uptime), `since ${lately(status.started_at)}`],
        ["CPU", percent(used), "of one core"],
        ["Memory", bytes(status.rss_bytes), "resident"],
        ["Loop lag", seconds(status.loop_lag), status.loop_lag > SLOW_LAG ? "it is late: the machine is busy" : "how late it looks", status.loop_lag > SLOW_LAG],
        ["Samples", count(status.samples), "since its start"],
        ["Missed", span(status.missed_seconds), "without a sample", status.missed_seconds > 0],
        ["Series", count(status.series), "of containers and engines"],
        ["Viewers", count(status.viewers), "of live pages"],
      ]),
    );
  }
}

const section = (title, ...parts) => el("section", { class: "block" }, el("h2", { text: title }), ...parts);

const numbers = (rows) => el("div", { class: "tiles" }, ...rows.map(([label, value, rest, bad]) => el("div", { class: "tile", "data-bad": bad }, el("span", { class: "what", text: label }), el("b", { text: value }), el("small", { text: rest }))));

function table(label, heads, rows) {
  const head = el("tr", { role: "row" }, ...heads.map((text) => el("th", { role: "columnheader", scope: "col", text })));
  const body = rows.map((cells) => el("tr", { role: "row" }, ...cells.map((what, at) => el("td", { role: "cell", "data-label": heads[at] }, what))));
  return el("div", { class: "scroll" }, el("table", { role: "table", class: "plain", "aria-label": label }, el("thead", { role: "rowgroup" }, head), el("tbody", { role: "rowgroup" }, ...body)));
}

const trouble = (text) => (text ? el("span", { class: "trouble", dir: "auto", text }) : el("span", { class: "fine", text: "none" }));

function engines(all) {
  const rows = all.map((each) => [
    named(each.name),
    [each.kind, each.version].filter(Boolean).join(" ") || "unknown",
    each.host === null ? "unknown" : named(each.host),
    badge(each.connected ? "connected" : "not connected"),
    Object.entries(each.containers).filter(([state, number]) => number || state === "running").map(([state, number]) => `${number} ${state}`).join(", ") || "unknown",
    count(each.watched) + (each.read_directly ? `, ${count(each.read_directly)} from the kernel` : "") + (each.read_in_turn ? `, ${count(each.read_in_turn)} read in turn` : ""),
    cycle(each.cycle),
    [[each.streamed, "streamed"], [each.read, "read"]].filter(([rate]) => rate).map(([rate, way]) => `${rate.toFixed(1)}/s ${way}`).join(", ") || "none",
    each.cpu_seconds === null ? "not seen" : span(each.cpu_seconds),
    count(each.lost),
    trouble(each.trouble || each.not_directly.map((why) => `By the API, because ${why}.`).join(" ")),
  ]);
  const heads = ["Engine", "Kind", "Host", "Connection", "Containers", "Watched", "Cycle", "Samples", "CPU time", "Lost", "Trouble"];
  return section("Engines", table("Engines", heads, rows));
}

function exporters(all) {
  if (!all.length) return section("Exporters", el("p", { class: "note", text: "None is switched on: a table [exporters.NAME] in the configuration does that. Prometheus can fetch everything from /metrics." }));
  const rows = all.map((each) => [each.name, named(each.destination), count(each.sent), count(each.failed), count(each.dropped), bytes(each.backlog_bytes), trouble(each.last_error)]);
  return section("Exporters", table("Exporters", ["Exporter", "To", "Sent", "Failed tries", "Dropped", "Backlog", "Last error"], rows));
}

function history(kept) {
  if (!kept) return section("History", el("p", { class: "note", text: "Off: charts show what comes while their page is open. [history] in the configuration switches it on." }));
  const oldest = kept.oldest ? `${moment(kept.oldest)}, ${span(Date.now() / 1000 - kept.oldest)} ago` : "nothing yet";
  const rows = [["Size", bytes(kept.bytes)], ["Oldest", oldest], ["File", named(kept.path)], ["Trouble", trouble(kept.trouble)]];
  return section("History", el("dl", { class: "facts" }, ...rows.flatMap(([label, what]) => [el("dt", { text: label }), el("dd", {}, what)])));
}

function dropped({ dropped: reasons }) {
  const rows = Object.entries(reasons).filter(([, times]) => times).map(([reason, times]) => [reason.replaceAll("_", " "), count(times)]);
  const none = el("p", { class: "note", text: "Nothing was dropped, and there was no trouble." });
  return section("Troubles and drops", rows.length ? table("Troubles and drops", ["Reason", "Times"], rows) : none);
}
