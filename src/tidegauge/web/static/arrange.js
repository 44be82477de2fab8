// Which containers are shown, in which order and under which heading. Pure functions.

const RANK = { running: 0, restarting: 1, paused: 2, created: 3, exited: 4, dead: 5, unknown: 6 };

const value = (name) => (each) => each.values[name] ?? null;

/** By what rows can be sorted: what of a container is compared. */
export const SORTS = {
  name: (each) => each.alias,
  state: (each) => (RANK[each.state] ?? 9) * 10 + (each.health === "unhealthy" ? 0 : 1),
  cpu: value("cpu"),
  memory: value("memory"),
  rx: value("rx"),
  tx: value("tx"),
  read: value("read"),
  write: value("write"),
  pids: value("pids"),
  uptime: (each) => (each.started_at && (each.state === "running" || each.state === "paused") ? -each.started_at : null),
  restarts: (each) => each.restarts,
};

/** What is best seen with its greatest first. */
export const GREATEST_FIRST = new Set(["cpu", "memory", "rx", "tx", "read", "write", "pids", "restarts"]);

/** Sorts whose order changes from second to second. */
export const MOVING = new Set(["cpu", "memory", "rx", "tx", "read", "write", "pids"]);

export const GROUPS = {
  project: ["project", (each) => each.project],
  service: ["service", (each) => (each.service && each.project ? `${each.project} / ${each.service}` : each.service)],
  engine: ["engine", (each) => each.engine],
  host: ["host", (each, hosts) => hosts.get(each.engine) ?? `unknown host of engine ${each.engine}`],
  none: ["nothing", () => ""],
};

export const SUMS = ["cpu", "memory", "rx", "tx", "read", "write", "pids"];

const names = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

/** Does a container hold all words that were searched for? */
export function found(container, words) {
  if (!words.length) return true;
  const { alias, name, image, project, service, tags } = container;
  const text = [alias, name, image, project, service, ...Object.entries(tags).map(([key, is]) => `${key}=${is}`)].join("\n").toLowerCase();
  return words.every((word) => text.includes(word));
}

export function matches(container, view) {
  const state = view.state;
  const fits = state === "" || (state === "unhealthy" ? container.health === "unhealthy" : container.state === state);
  return fits && found(container, wordsOf(view.q));
}

export const wordsOf = (text) => text.toLowerCase().split(/\s+/).filter(Boolean);

/** Groups of containers in their order: `{key, label, items, totals}`. */
export function arrange(containers, view, hosts) {
  const groups = new Map();
  const [, of] = GROUPS[view.group];
  for (const each of containers) {
    if (!matches(each, view)) continue;
    const key = of(each, hosts) ?? null;
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(each);
  }
  return [...groups]
    .sort(([one], [other]) => (one === null) - (other === null) || names.compare(one ?? "", other ?? ""))
    .map(([key, items]) => ({ key, items: items.sort(ordered(view)), totals: totals(items) }));
}

function ordered({ sort, down }) {
  const of = SORTS[sort];
  const sign = down ? -1 : 1;
  return (one, other) => {
    const [mine, theirs] = [of(one), of(other)];
    // What is not known is last, whichever way.
    if (mine === null || theirs === null) return (mine === null) - (theirs === null) || names.compare(one.alias, other.alias);
    const by = typeof mine === "string" ? names.compare(mine, theirs) : mine - theirs;
    return sign * by || names.compare(one.alias, other.alias) || names.compare(one.key, other.key);
  };
}

/** Sums of what is known; a value that no container has is absent. */
function totals(items) {
  const sums = {};
  for (const { values } of items) {
    for (const name of SUMS) if (typeof values[name] === "number") sums[name] = (sums[name] ?? 0) + values[name];
  }
  return sums;
}

/** How many containers there are in each state, and unhealthy ones. */
export function tally(containers) {
  const counts = new Map();
  const add = (name) => counts.set(name, (counts.get(name) ?? 0) + 1);
  for (const each of containers) {
    add(each.state);
    if (each.health === "unhealthy") add("unhealthy");
  }
  return counts;
}
