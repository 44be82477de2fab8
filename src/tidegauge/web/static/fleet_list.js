// The containers of one host of the fleet, or of one service on all its hosts.

import * as api from "./api.js";
import { el, empty, mark, named, say } from "./dom.js";
import { bytes, cores, count, lately, rate, span } from "./format.js";
import { EVERY, SUMS, tile } from "./fleet.js";
import { link, replace } from "./route.js";
import { Sheet } from "./sheet.js";

const about = ({ project, service, image }, ofHost) => [ofHost ? [project, service].filter(Boolean).join(" / ") : "", image ?? ""].filter(Boolean).join(" · ");

const columns = (ofHost) => [
  { key: "name", label: "Container", words: "Name, where it runs, image", value: ({ alias }) => alias, link: ({ host, engine, alias }) => link("fleet", ["container", host, engine, alias]), about: (each) => [each.alias, about(each, ofHost)] },
  { key: "state", label: "State", words: "State", value: ({ state }) => state, text: ({ state }) => state ?? "unknown", bad: ({ state }) => state === "dead" },
  ...(ofHost ? [] : [{ key: "host", label: "Host", words: "Where it runs", kind: "who", value: ({ host }) => host, text: ({ host }) => host }]),
  ...SUMS,
];

export class FleetListPage {
  constructor(_context, { parts: [kind, ...names] }) {
    const ofHost = kind === "host";
    this._asked = ofHost ? { host: names[0] ?? "" } : { project: names[0] ?? "", service: names[1] ?? "" };
    this._host = ofHost ? this._asked.host : null;
    this.title = (ofHost ? names[0] : names[1] || names[0]) || "No service";
    this._sheet = new Sheet("Containers", columns(ofHost), (key) => this._sort(key));
    this._badges = el("span", { class: "badges" });
    this._about = el("p", { class: "about" });
    this._notice = el("p", { class: "notice", role: "status", hidden: true });
    this._tiles = Object.fromEntries(["Running", "CPU", "Memory", "Received", "Sent"].map((name) => [name, tile(name)]));
    this._shown = el("p", { class: "note", role: "status" });
    this._empty = el("div", {}, el("p", { class: "loading", text: "Loading …" }));
    const back = el("a", { href: link("fleet", [], { view: ofHost ? "" : "services" }), class: "back", "aria-label": "The fleet" }, "←");
    this.element = el("div", { class: "page fleet" }, el("div", { class: "heading" }, back, el("h1", { tabindex: "-1" }, named(this.title)), this._badges), this._about, this._notice, el("section", { class: "tiles", "aria-label": "Together" }, ...Object.values(this._tiles)), this._sheet.element, this._shown, this._empty);
    this._load();
  }

  update({ query }) {
    this._order = { sort: query.get("sort") || "name", down: query.get("down") === "1" };
    this._show();
  }

  tick() {}

  repaint() {}

  close() {
    clearTimeout(this._timer);
    this._closed = true;
  }

  _sort(key) {
    const { sort, down } = this._order;
    const turned = sort === key ? !down : SUMS.some((each) => each.key === key);
    const parts = this._host === null ? ["service", this._asked.project, this._asked.service] : ["host", this._host];
    replace(link("fleet", parts, { sort: key, down: turned ? "1" : "" }));
  }

  async _load() {
    this._timer = setTimeout(() => this._load(), EVERY);
    if (document.hidden || this._loading) return;
    this._loading = true;
    try {
      this._answer = await api.fleetContainers(this._asked);
      const fleet = this._host === null ? null : await api.fleet();
      this._of = fleet?.hosts.find(({ name }) => name === this._host) ?? null;
      this._error = null;
    } catch (error) {
      this._error = error;
    }
    this._loading = false;
    if (!this._closed) this._show();
  }

  _show() {
    const { _answer: answer, _error: error } = this;
    if (!answer && !error) return;
    const all = answer?.containers ?? [];
    const words = [error && answer ? error.message : "", this._silence(), this._of?.trouble ?? ""].filter(Boolean);
    mark(this._notice, "hidden", words.length === 0);
    say(this._notice, words.map((text) => text.charAt(0).toUpperCase() + text.slice(1)).join(" "));
    this._describe();
    this._sum(all);
    this._sheet.show(all.map((each) => ({ ...each, key: JSON.stringify([each.host, each.engine, each.alias]) })), this._order);
    say(this._shown, all.length ? `${count(all.length)} ${all.length === 1 ? "container" : "containers"}${answer.left_out ? `; ${count(answer.left_out)} more are not shown` : ""}` : "");
    const kind = all.length ? "" : error ? error.message : "none";
    if (kind !== this._kind) this._empty.replaceChildren(...(kind ? [kind === "none" ? empty("No containers", "None was seen here lately.") : empty("Its containers cannot be shown", kind)] : []));
    this._kind = kind;
  }

  _silence() {
    const host = this._of;
    return host?.silent ? `It is silent since ${lately(host.seen)}. What you see is what it had then.` : "";
  }

  _describe() {
    const host = this._of;
    if (!host) return;
    this._badges.replaceChildren(el("span", { class: "badge", "data-tone": host.silent ? "bad" : "good", text: host.silent ? "silent" : "sends" }));
    const facts = [host.version && `Tidegauge ${host.version}`, host.engines.length > 1 && `engines ${host.engines.join(", ")}`, host.cpus && `${cores(host.cpu_used)} of ${count(host.cpus)} cores in use`, host.memory_total && `${bytes(host.memory_total)} of memory`, host.interval && `a sample every ${span(Math.max(1, host.interval))}`, host.agents > 1 && `${host.agents} agents, counted once`];
    say(this._about, facts.filter(Boolean).join(" · "));
  }

  _sum(all) {
    const sum = (name) => all.reduce((whole, each) => (each[name] === null ? whole : (whole ?? 0) + each[name]), null);
    this._tiles.Running.show(count(all.filter(({ state }) => state === "running").length), `of ${count(all.length)}`);
    this._tiles.CPU.show(cores(sum("cpu")), "cores");
    this._tiles.Memory.show(bytes(sum("memory")));
    this._tiles.Received.show(rate(sum("rx")));
    this._tiles.Sent.show(rate(sum("tx")));
  }
}
