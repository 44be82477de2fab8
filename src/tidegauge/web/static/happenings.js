// What happened to containers, in words; and where on a chart it is marked.

import { badge, el, named } from "./dom.js";
import { lately, moment, span } from "./format.js";
import { containerLink } from "./route.js";

const WORDS = {
  start: "started",
  die: "ended",
  oom: "ran out of memory",
  restart: "restarted",
  pause: "paused",
  unpause: "goes on",
  create: "created",
  destroy: "removed",
  recreated: "made anew",
  rename: "renamed",
  update: "limits changed",
  kill: "sent a signal",
  stop: "stopped",
  health_status: "health",
};

const BAD = new Set(["oom"]);

/** How it is to be taken: good, bad, or neither. */
export function toneOf({ kind, facts }) {
  if (BAD.has(kind) || facts.health === "unhealthy") return "bad";
  if (kind === "die") return facts.exit_code && facts.exit_code !== 143 ? "bad" : "still";
  if (kind === "start" || facts.health === "healthy") return "good";
  return "still";
}

const SIGNALS = { 126: "not executable", 127: "command not found", 137: "killed (SIGKILL)", 139: "crashed (SIGSEGV)", 143: "ended by SIGTERM" };

/** Its facts in words; those that have no words of their own by their names. */
export function factsOf({ facts }) {
  const { exit_code: code, lifetime, health, ...others } = facts;
  const told = [];
  if (code !== undefined && code !== null) told.push(`exit code ${code}${SIGNALS[code] ? `, ${SIGNALS[code]}` : ""}`);
  if (lifetime !== undefined && lifetime !== null) told.push(`after ${span(lifetime)}`);
  for (const [name, value] of Object.entries(others)) if (value !== null && value !== "") told.push(`${name.replaceAll("_", " ")} ${value}`);
  return told.join(", ");
}

export function wordsOf(event) {
  if (event.facts.health) return `is ${event.facts.health}`;
  return [WORDS[event.kind] ?? event.kind.replaceAll("_", " "), factsOf(event)].filter(Boolean).join(", ");
}

const INKS = { good: "good", bad: "bad", still: "muted" };

/** A mark for charts. */
export const markOf = (event) => ({ at: event.at, words: wordsOf(event), ink: INKS[toneOf(event)] });

/** `container:ENGINE/ALIAS` without what it is of. */
export const keyOf = (entity) => entity.slice(entity.indexOf(":") + 1);

export const isContainer = (entity) => entity.startsWith("container:");

export const kindOf = ({ kind, facts }) => (kind === "health_status" && facts.health ? facts.health : kind.replaceAll("_", " "));

/** A list of events, newest first, each once. */
export class Happenings {
  constructor({ whose }) {
    this._whose = whose;
    this._body = el("tbody", { role: "rowgroup" });
    const heads = ["Time", ...(whose ? ["Container"] : []), "Event", "Facts"];
    this.element = el("table", { class: "happenings", role: "table", "aria-label": "Events" }, el("thead", { role: "rowgroup" }, el("tr", { role: "row" }, ...heads.map((text) => el("th", { role: "columnheader", scope: "col", text })))), this._body);
  }

  show(events) {
    this._body.replaceChildren(...[...events].reverse().map((event) => this._row(event)));
  }

  _row(event) {
    const kind = badge(kindOf(event));
    kind.dataset.tone = toneOf(event);
    const cells = [el("td", { role: "cell", class: "when", title: moment(event.at), text: lately(event.at) })];
    if (this._whose) {
      const key = keyOf(event.entity);
      const alias = key.slice(key.indexOf("/") + 1);
      cells.push(el("td", { role: "cell", class: "whose" }, isContainer(event.entity) ? el("a", { href: containerLink(key) }, named(alias, { title: key })) : named(key)));
    }
    cells.push(el("td", { role: "cell" }, kind), el("td", { role: "cell", class: "facts", dir: "auto", text: factsOf(event) }));
    return el("tr", { role: "row" }, ...cells);
  }
}

/** Add an event to a list in order of time; the same one is not added twice. */
export function added(events, event) {
  const same = events.some((each) => each.at === event.at && each.entity === event.entity && each.kind === event.kind);
  return same ? events : [...events, event].sort((one, other) => one.at - other.at);
}
