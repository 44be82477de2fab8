// What the page knows now, and who wants to hear when it changes.

export const POINTS = 60;

/** The newest minute of one value; NaN where nothing is known. */
export class Ring {
  constructor() {
    this.values = new Float64Array(POINTS).fill(NaN);
    this.next = 0;
  }

  fill(points) {
    this.values.fill(NaN);
    const newest = points.slice(-POINTS);
    this.next = 0;
    newest.forEach((value, at) => {
      this.values[POINTS - newest.length + at] = value ?? NaN;
    });
  }

  push(value) {
    this.values[this.next] = value ?? NaN;
    this.next = (this.next + 1) % POINTS;
  }

  /** The value `age` seconds ago. */
  ago(age) {
    return this.values[(this.next - 1 - age + 2 * POINTS) % POINTS];
  }
}

const STALE = 5;
const SPARKS = ["cpu", "memory"];
const RUNS = new Set(["running", "paused"]);

const shapeOf = ({ state, values }) => [state, ...Object.keys(values)].join();

const moving = ({ values, state, health, sampled_at }) => ({ values, state, health, sampled_at });

/** Containers, engines, hosts. Topics: list, tick, surroundings, happened, link. */
export class Store {
  constructor() {
    this.containers = new Map();
    this.engines = [];
    this.hosts = [];
    this.at = 0;
    this.loaded = false;
    this.status = null;
    this.link = { state: "connecting" };
    this._listeners = new Map();
  }

  /** Listen to a topic; returns how to stop. */
  on(topic, listener) {
    const listeners = this._listeners.get(topic) ?? new Set();
    this._listeners.set(topic, listeners.add(listener));
    return () => listeners.delete(listener);
  }

  tell(topic, what) {
    for (const listener of [...(this._listeners.get(topic) ?? [])]) listener(what);
  }

  /** The answer of /containers: all there is. */
  load(answer) {
    const before = this.containers;
    this.containers = new Map();
    for (const each of answer.containers) {
      const known = before.get(each.key);
      each.rings = known?.rings ?? Object.fromEntries(SPARKS.map((name) => [name, new Ring()]));
      if (each.sparks) for (const name of SPARKS) each.rings[name].fill(each.sparks[name] ?? []);
      delete each.sparks;
      // A list may be older than what came live while it was under way.
      if (known && (known.sampled_at ?? 0) > (each.sampled_at ?? 0)) Object.assign(each, moving(known));
      this.containers.set(each.key, each);
    }
    this.at = Math.max(this.at, answer.at);
    this.loaded = true;
    this._surround(answer);
    this.tell("list");
  }

  /** A live overview: what moved. Returns whether only the list can tell the rest. */
  apply(overview) {
    this.at = overview.at;
    let unknown = false;
    for (const [key, live] of Object.entries(overview.containers)) {
      const known = this.containers.get(key);
      // Why values are not there is only in the list.
      unknown ||= !known || shapeOf(known) !== shapeOf(live);
      if (known) Object.assign(known, live);
    }
    for (const key of overview.gone) this.containers.delete(key);
    for (const each of this.containers.values()) {
      const fresh = this.at - (each.sampled_at ?? 0) < STALE;
      for (const name of SPARKS) each.rings[name].push(fresh ? each.values[name] : NaN);
    }
    this.tell(overview.gone.length ? "list" : "tick");
    return unknown;
  }

  /** The short status: engines and hosts. */
  surround(status) {
    this.status = status;
    this._surround(status);
    this.tell("surroundings");
  }

  _surround({ engines, hosts }) {
    this.engines = engines ?? this.engines;
    this.hosts = hosts ?? this.hosts;
  }

  setLink(link) {
    this.link = link;
    this.tell("link", link);
  }

  engine(name) {
    return this.engines.find((each) => each.name === name);
  }

  /** What CPU and memory of a container are measured against, and whether it is a limit of its own. */
  limits(container) {
    const engine = this.engine(container.engine);
    const { cpu_limit: cpu, memory_limit: memory } = container.values;
    return {
      cpu: cpu ?? engine?.cpus ?? null,
      memory: memory ?? engine?.memory ?? null,
      ownCpu: cpu !== undefined && cpu !== null,
      ownMemory: memory !== undefined && memory !== null,
    };
  }

  /** Seconds since its start, while it runs. */
  uptime(container) {
    if (!RUNS.has(container.state) || !container.started_at) return null;
    return Math.max(0, this.at - container.started_at);
  }
}
