// The machines and engines above the table.

import { bar, el, hint, mark, named, say } from "./dom.js";
import { bytes, count, cycle as every, NONE, percent } from "./format.js";

/** A row of cards that keeps up with the store. */
export class Cards {
  constructor(store) {
    this._store = store;
    this._cards = new Map();
    this.element = el("section", { class: "cards", "aria-label": "Machines and engines" });
  }

  update() {
    const present = new Map();
    for (const host of this._store.hosts) this._card(present, `host ${host.name}`, HostCard, host);
    for (const engine of this._store.engines) this._card(present, `engine ${engine.name}`, EngineCard, engine);
    for (const [key, card] of this._cards) if (!present.has(key)) card.element.remove();
    this._cards = present;
  }

  _card(present, key, Card, what) {
    let card = this._cards.get(key);
    if (!card) {
      card = new Card(what);
      this.element.append(card.element);
    }
    present.set(key, card);
    card.update(what);
  }
}

class Measure {
  constructor(label) {
    this.figure = el("b");
    this.rest = el("small");
    this.bar = bar();
    this.element = el("div", { class: "measure" }, el("span", { class: "what", text: label }), el("span", { class: "figure" }, this.figure, this.rest), this.bar);
  }

  show(figure, rest, share, title) {
    say(this.figure, figure);
    say(this.rest, rest);
    this.bar.fill(share);
    hint(this.element, title);
  }
}

class HostCard {
  constructor(host) {
    this._cpu = new Measure("CPU");
    this._memory = new Measure("Memory");
    this._load = new Measure("Load");
    this.element = el("article", { class: "card host" }, el("h2", {}, named(host.name), el("small", { text: "machine" })), el("div", { class: "measures" }, this._cpu.element, this._memory.element, this._load.element));
  }

  update({ cpus, cpu, memory_total: total, memory_available: available, load }) {
    const share = cpu !== null && cpus ? cpu / cpus : null;
    this._cpu.show(percent(share), cpus ? ` of ${cpus} cores` : "", share, `${cpu ?? "unknown"} of ${cpus ?? "unknown"} cores`);
    const used = total !== null && available !== null ? total - available : null;
    this._memory.show(bytes(used), total ? ` of ${bytes(total)}` : "", total ? used / total : null, `${used ?? "unknown"} of ${total ?? "unknown"} bytes are not available to programs`);
    const words = load?.map((each) => each.toFixed(2));
    this._load.show(words?.[0] ?? NONE, words ? ` ${words[1]} ${words[2]}` : "", load && cpus ? load[0] / cpus : null, "Tasks that run or wait to, on average over 1, 5 and 15 minutes; the bar is the first one's share of the cores");
  }
}

const KINDS = { docker: "Docker", podman: "Podman" };
const STATES = ["running", "paused", "stopped"];

class EngineCard {
  constructor(engine) {
    this._kind = el("small");
    this._states = Object.fromEntries(STATES.map((state) => [state, el("b")]));
    this._facts = el("p", { class: "facts" });
    this._trouble = el("p", { class: "trouble" });
    const states = STATES.map((state) => el("span", { "data-is": state }, this._states[state], ` ${state}`));
    this.element = el("article", { class: "card engine" }, el("h2", {}, el("i", { class: "dot" }), named(engine.name), this._kind), el("p", { class: "states" }, ...states), this._facts, this._trouble);
  }

  update(engine) {
    const { kind, version, host, connected, trouble, containers, cycle, images } = engine;
    say(this._kind, [KINDS[kind] ?? kind, version].filter(Boolean).join(" ") || "engine");
    mark(this.element, "data-trouble", !connected || Boolean(trouble));
    for (const state of STATES) {
      say(this._states[state], count(containers[state]));
      mark(this._states[state].parentElement, "hidden", !containers[state] && (state !== "running" || containers[state] === undefined));
    }
    const facts = [host === null ? "" : `on \u2068${host}\u2069`, `${count(engine.watched)} watched`, cycle === null ? "" : `a sample every ${every(cycle)}`, images === null ? "" : `${count(images)} images${engine.images_size ? ` of ${bytes(engine.images_size)}` : ""}`];
    say(this._facts, facts.filter(Boolean).join(" · "));
    hint(this._facts, cycle === null ? "" : `From one sample of a container to the next: ${cycle} s. Engines that are slow need longer.`);
    say(this._trouble, trouble ?? (connected ? "" : "Not connected."));
    mark(this._trouble, "hidden", connected && !trouble);
  }
}

