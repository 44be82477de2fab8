// All hosts whose agents' metrics meet in one server, and the services that run over them.

import * as api from "./api.js";
import { el, empty, mark, say } from "./dom.js";
import { bytes, cores, count, lately, NONE, percent, rate, span } from "./format.js";
import { link, replace } from "./route.js";
import { Sheet } from "./sheet.js";

export const EVERY = 3000;
const AT_ONCE = 4; // who waits for new sums does not keep others from hearing who is silent
const VIEWS = { hosts: "Hosts", services: "Services" };
const NUMBERS = new Set(["running", "hosts", "cpu", "memory", "rx", "tx", "seen"]);

/** The numbers that hosts, services and containers have alike. */
export const SUMS = [
  { key: "cpu", label: "CPU, cores", words: "Cores in use by containers", kind: "number", value: ({ cpu }) => cpu, text: ({ cpu }) => cores(cpu) },
  { key: "memory", label: "Memory", words: "Working sets of containers", kind: "number", value: ({ memory }) => memory, text: ({ memory }) => bytes(memory) },
  { key: "rx", label: "Received", words: "Bytes received per second", kind: "number", value: ({ rx }) => rx, text: ({ rx }) => rate(rx) },
  { key: "tx", label: "Sent", words: "Bytes sent per second", kind: "number", value: ({ tx }) => tx, text: ({ tx }) => rate(tx) },
];

const ratio = (part, whole) => (part === null || !whole ? null : part / whole);
const busy = ({ cpu_used: used, cpus }) => ratio(used, cpus);
const full = ({ memory_total: total, memory_available: available }) => (available === null ? null : ratio(total - available, total));

const HOSTS = [
  { key: "name", label: "Host", words: "Name, and what is the matter with it", value: ({ name }) => name, link: ({ name }) => link("fleet", ["host", name]), about: ({ name, trouble, engines }) => [name, trouble ?? (engines.length > 1 ? `${engines.length} engines` : "")] },
  { key: "seen", label: "Last seen", words: "When its newest sample was", value: ({ seen }) => -seen, text: ({ silent, seen }) => (silent ? `silent since ${lately(seen)}` : "sends"), title: ({ silent, seen, ago }) => `its newest sample is from ${lately(seen)}${silent ? `, ${span(ago)} ago` : ""}`, bad: ({ silent }) => silent },
  { key: "running", label: "Running", words: "Containers that run", kind: "number", value: ({ running }) => running, text: ({ running }) => count(running) },
  ...SUMS,
  { key: "busy", label: "CPU of the host", words: "Share of all its CPUs, whatever uses them", kind: "number", value: busy, text: (host) => percent(busy(host)), share: busy, title: ({ cpus, cpu_used: used }) => (used === null ? "" : `${cores(used)} of ${count(cpus)} cores`) },
  { key: "full", label: "Memory of the host", words: "Share of its memory that programs cannot get", kind: "number", value: full, text: (host) => percent(full(host)), share: full, title: ({ memory_total: total }) => (total === null ? "" : `of ${bytes(total)}`) },
];

const SERVICES = [
  { key: "name", label: "Service", words: "Project and service", value: ({ name }) => name, link: ({ project, service }) => link("fleet", ["service", project ?? "", service ?? ""]), about: ({ project, service }) => [service ?? (project ? "no service" : "neither project nor service"), project ?? ""] },
  { key: "running", label: "Running", words: "Containers of it that run", kind: "number", value: ({ replicas }) => replicas, text: ({ replicas }) => count(replicas) },
  { key: "hosts", label: "Hosts", words: "Hosts on which they run", kind: "number", value: ({ hosts }) => hosts, text: ({ hosts }) => count(hosts) },
  ...SUMS,
];

export class FleetPage {
  constructor() {
    this.title = "Fleet";
    this._view = null;
    this._answers = {};
    this._asking = 0;
    this._sheets = { hosts: new Sheet("Hosts", HOSTS, (key) => this._sort(key)), services: new Sheet("Services", SERVICES, (key) => this._sort(key)) };
    this._chips = Object.entries(VIEWS).map(([view, text]) => el("button", { type: "button", class: "chip", "data-view": view, text, on: { click: () => this._change({ view, sort: "", down: "" }) } }));
    this._search = el("input", { type: "search", placeholder: "Search  /", "aria-label": "Search names", autocomplete: "off", spellcheck: "false" });
    this._search.addEventListener("input", () => this._change({ q: this._search.value }));
    this._search.addEventListener("keydown", (event) => this._searchKey(event));
    this._shown = el("span", { class: "shown", role: "status" });
    this._tiles = Object.fromEntries(["Hosts", "Silent", "Running", "CPU", "Memory"].map((name) => [name, tile(name)]));
    this._notice = el("p", { class: "notice", role: "status", hidden: true });
    this._empty = el("div");
    this._holder = el("div");
    this._body = el("div", { hidden: true }, el("section", { class: "tiles", "aria-label": "All hosts" }, ...Object.values(this._tiles)), el("div", { class: "tools", role: "search" }, el("div", { class: "chips", role: "group", "aria-label": "Shown" }, ...this._chips), this._search, this._shown), this._holder);
    this.element = el("div", { class: "page fleet" }, el("h1", { tabindex: "-1", text: "Fleet" }), this._notice, this._body, this._empty);
  }

  update({ query }) {
    const view = Object.hasOwn(VIEWS, query.get("view") ?? "") ? query.get("view") : "hosts";
    const fresh = view !== this._view?.view;
    this._view = { view, q: query.get("q") ?? "", sort: query.get("sort") ?? "", down: query.get("down") ?? "" };
    if (this._search.value !== this._view.q) this._search.value = this._view.q;
    for (const chip of this._chips) mark(chip, "aria-pressed", String(chip.dataset.view === view));
    if (fresh) this._holder.replaceChildren(this._sheets[view].element);
    if (fresh) this._load();
    else this._show();
  }

  tick() {}

  repaint() {}

  close() {
    clearTimeout(this._timer);
    this._closed = true;
  }

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
      this._sheets[this._view.view].focus();
    }
  }

  _change(what) {
    const { view, ...rest } = { ...this._view, ...what };
    replace(link("fleet", [], { view: view === "hosts" ? "" : view, ...rest }));
  }

  _sort(key) {
    const { sort, down } = this._order;
    this._change({ sort: key, down: (sort === key ? !down : NUMBERS.has(key)) ? "1" : "" });
  }

  get _order() {
    return { sort: this._view.sort || "name", down: this._view.down === "1" };
  }

  async _load() {
    clearTimeout(this._timer);
    this._timer = setTimeout(() => this._load(), EVERY);
    if (document.hidden || this._asking >= AT_ONCE) return;
    this._asking += 1;
    const { view } = this._view;
    try {
      const hosts = await api.fleet();
      if (hosts.at >= (this._answers.hosts?.at ?? 0)) this._answers.hosts = hosts;
      if (view === "services") this._answers.services = await api.fleetServices();
      this._error = null;
    } catch (error) {
      this._error = error;
    }
    this._asking -= 1;
    if (!this._closed) this._show();
  }

  _show() {
    const { hosts } = this._answers;
    const words = [this._error && hosts ? `${this._error.message} What you see is from ${lately(hosts.at)}.` : "", ...(hosts?.troubles ?? [])].filter(Boolean);
    mark(this._notice, "hidden", words.length === 0);
    say(this._notice, words.map(sentence).join(" "));
    mark(this._body, "hidden", !hosts?.hosts.length);
    this._showEmpty(hosts);
    if (!hosts?.hosts.length) return;
    this._sum(hosts.hosts);
    const all = this._view.view === "hosts" ? hostRows(hosts) : serviceRows(this._answers.services);
    const sought = this._view.q.toLowerCase().split(/\s+/).filter(Boolean);
    const found = all.filter(({ seek }) => sought.every((word) => seek.includes(word)));
    this._sheets[this._view.view].show(found, this._order);
    const left = this._view.view === "services" ? (this._answers.services?.left_out ?? 0) : 0;
    say(this._shown, `${found.length === all.length ? "" : `${found.length} of `}${all.length} ${this._view.view}${left ? `; ${count(left)} more are not shown` : ""}`);
  }

  _sum(hosts) {
    const silent = hosts.filter((each) => each.silent).length;
    const sum = (name) => hosts.reduce((all, each) => (each[name] === null ? all : (all ?? 0) + each[name]), null);
    this._tiles.Hosts.show(count(hosts.length), "seen in the last 24 hours");
    this._tiles.Silent.show(count(silent), silent ? hosts.filter((each) => each.silent).slice(0, 3).map(({ name }) => name).join(", ") : "none", silent > 0);
    this._tiles.Running.show(count(sum("running")), "containers");
    this._tiles.CPU.show(cores(sum("cpu")), "cores, by containers");
    this._tiles.Memory.show(bytes(sum("memory")), "by containers");
  }

  _showEmpty(hosts) {
    const kind = hosts?.hosts.length ? "" : this._error ? this._error.message : hosts ? "none" : "loading";
    if (kind === this._kind) return;
    this._kind = kind;
    this._empty.replaceChildren(...(kind ? [this._emptyOf(kind)] : []));
  }

  _emptyOf(kind) {
    if (kind === "loading") return el("p", { class: "loading", text: "Loading …" });
    if (kind === "none") return empty("No hosts yet", "The server that history.prometheus names has no metrics of Tidegauge yet. Let it scrape /metrics of each host, or let agents write to it with [exporters.remote_write]; a host appears with its first sample.");
    return empty("The fleet cannot be shown", kind, el("a", { class: "button", href: link("overview"), text: "Containers of this machine" }));
  }
}

const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);

const hostRows = ({ at, hosts }) => hosts.map((each) => ({ ...each, key: each.name, ago: at - each.seen, seek: each.name.toLowerCase() }));

const serviceRows = (answer) => (answer?.services ?? []).map((each) => {
  const name = [each.service, each.project].filter(Boolean).join(" ");
  return { ...each, name: name || NONE, key: JSON.stringify([each.project, each.service]), seek: name.toLowerCase() };
});

export function tile(label) {
  const [value, rest] = [el("b"), el("small", { dir: "auto" })];
  const made = el("div", { class: "tile" }, el("span", { class: "what", text: label }), value, rest);
  made.show = (text, words = "", bad = false) => {
    say(value, text);
    say(rest, words);
    mark(made, "data-bad", bad);
  };
  return made;
}
