// The numbers at the top of a container's page, each with its explanation; and its facts.

import { bar, el, hint, mark, named, say } from "./dom.js";
import { count, exact, missing, moment, percent, span, VALUES } from "./format.js";
import { explainer } from "./explain.js";

/** Values that are shown together: the first one large; a limit gives the bar. */
const TILES = [["cpu", "cpu_limit"], ["cpu_throttled"], ["memory", "memory_limit"], ["memory_usage"], ["memory_cache"], ["memory_rss"], ["rx"], ["tx"], ["read"], ["write"], ["pids", "pids_limit"], ["disk"]];

export class Tiles {
  constructor(key) {
    this._tiles = TILES.map((names) => new Tile(key, names));
    this.element = el("section", { class: "tiles", "aria-label": "Now" }, ...this._tiles.map((each) => each.element));
  }

  update(container) {
    mark(this.element, "data-sampled", container.sampled_at);
    for (const tile of this._tiles) tile.update(container);
  }
}

class Tile {
  constructor(key, [name, limit]) {
    this._name = name;
    this._limit = limit;
    this._value = el("b");
    this._rest = el("small");
    this._bar = bar();
    this.element = el("div", { class: "tile", "data-value": name }, el("span", { class: "what", text: VALUES[name][0] }), explainer(key, limit ? [name, limit] : [name]), this._value, this._rest, limit ? this._bar : null);
  }

  update(container) {
    const [, format] = VALUES[this._name];
    const value = container.values[this._name];
    say(this._value, format(value));
    hint(this._value, exact(this._name, container));
    mark(this.element, "data-absent", missing(value));
    const why = missing(value) ? (container.absent?.[this._name] ?? "") : "";
    const most = this._limit ? container.values[this._limit] : undefined;
    const share = missing(value) || missing(most) || most === 0 ? null : value / most;
    say(this._rest, why || (share === null ? (this._limit ? "no limit" : "") : `${percent(share)} of ${VALUES[this._limit][1](most)}`));
    hint(this._rest, why);
    this._bar.fill(share);
  }
}

/** A list of facts that seldom change. */
export function facts(container, uptime, host) {
  const { exits, oom_kills: kills, tags } = container;
  const ends = Object.entries(exits).map(([code, times]) => `${times} with exit code ${code}`).join(", ");
  const limits = [["cpu_limit", "CPU"], ["memory_limit", "memory"], ["pids_limit", "tasks"]].filter(([name]) => !missing(container.values[name])).map(([name, label]) => `${label} ${VALUES[name][1](container.values[name])}`);
  const rows = [
    ["Image", named(container.image)],
    ["Name", container.name === container.alias ? null : named(container.name)],
    ["Id", identity(container.id)],
    ["Engine", named(container.engine)],
    ["Host", host && named(host)],
    ["Project", container.project && named(container.project)],
    ["Service", container.service && named(container.service)],
    ["Limits", limits.length ? limits.join(", ") : "none"],
    ["Started", container.started_at ? `${moment(container.started_at)}${uptime === null ? "" : `, ${span(uptime)} ago`}` : "never"],
    ["Restarts", count(container.restarts)],
    ["Ends", ends || "none seen"],
    ["Out of memory", kills ? (kills === 1 ? "killed once" : `killed ${kills} times`) : "never seen"],
    ["Tags", Object.keys(tags).length ? el("span", { class: "tags" }, ...Object.entries(tags).map(([name, is]) => named(`${name}=${is}`, { class: "tag" }))) : null],
  ];
  return el("dl", { class: "facts" }, ...rows.filter(([, what]) => what).flatMap(([label, what]) => [el("dt", { text: label }), el("dd", {}, what)]));
}

function identity(id) {
  const button = el("button", { type: "button", class: "quiet copy", text: "copy", "aria-label": "Copy the whole id" });
  button.addEventListener("click", async () => {
    button.textContent = (await copied(id)) ? "copied" : "not allowed";
    setTimeout(() => (button.textContent = "copy"), 1500);
  });
  return el("span", {}, el("code", { text: id.slice(0, 12), title: id }), " ", button);
}

// The clipboard is only there on https and on this machine; the old way works elsewhere.
async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = el("textarea", { class: "unseen" });
    field.value = text;
    document.body.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    return done;
  }
}
