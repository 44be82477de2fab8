// Series as they were asked for, and as they grow.

const KINDS = ["mean", "min", "max", "p95"];

/** What names a series: its entity where there are several, its metric, the values of its attributes. */
export const idOf = (metric, attributes = {}, entity = "") => [entity, metric, ...Object.keys(attributes).sort().map((name) => attributes[name])].join("|");

const id = (metric, ...values) => ["", metric, ...values].join("|");

/** Live values by the series they continue. */
const CONTINUED = {
  cpu: id("container.cpu.time"),
  cpu_limit: id("container.cpu.limit.current"),
  cpu_throttled: id("throttled"),
  memory: id("container.memory.working_set"),
  memory_usage: id("container.memory.usage"),
  memory_cache: id("container.memory.cache"),
  memory_limit: id("container.memory.limit.current"),
  rx: id("container.network.io.sum", "receive"),
  tx: id("container.network.io.sum", "transmit"),
  read: id("container.disk.io.sum", "read"),
  write: id("container.disk.io.sum", "write"),
  pids: id("container.pids.count"),
  disk: id("container.filesystem.usage"),
};

const none = () => ({ times: [], mean: [], min: [], max: [], p95: [] });

/** Some series over one range. */
export class Frames {
  constructor() {
    this._series = new Map();
    this.step = 1;
  }

  clear() {
    this._series.clear();
  }

  /** Whether buckets hold more than one sample, so that they have a spread. */
  get coarse() {
    return this.step > 1.5;
  }

  get(name) {
    return this._series.get(name) ?? none();
  }

  /** The time of the newest point; 0 without any. */
  get newest() {
    let newest = 0;
    for (const { times, stands } of this._series.values()) newest = stands ? newest : Math.max(newest, times.at(-1) ?? 0);
    return newest;
  }

  /** Take an answer; what it tells again replaces what was there. */
  merge(answer, several = false) {
    this.step = answer.step;
    for (const each of [...answer.series, ...throttled(answer.series)]) {
      const name = idOf(each.metric, each.attributes, several ? each.entity : "");
      const series = this._series.get(name) ?? none();
      if (!each.times.length) continue;
      const from = lowerBound(series.times, each.times[0]);
      const newer = lowerBound(series.times, each.times.at(-1) + this.step); // came live meanwhile
      for (const kind of ["times", ...KINDS]) series[kind].splice(from, newer - from, ...each[kind]);
      this._series.set(name, series);
    }
  }

  /** Go on with what came live. */
  append(at, values) {
    const time = Math.floor(at);
    for (const [value, name] of Object.entries(CONTINUED)) {
      if (values[value] !== undefined && values[value] !== null) this._put(name, time, values[value]);
    }
  }

  /** Begin with the newest points of a container, one a second, where there is no history. */
  seed(container) {
    for (const [value, points] of Object.entries(container.sparks ?? {})) {
      const last = Math.floor(container.sampled_at ?? 0);
      points.forEach((each, at) => {
        if (each !== null) this._put(CONTINUED[value], last - points.length + 1 + at, each);
      });
    }
  }

  _put(name, time, value) {
    const series = this._series.get(name) ?? none();
    if (time <= (series.times.at(-1) ?? 0)) return;
    series.times.push(time);
    for (const kind of KINDS) series[kind].push(value);
    this._series.set(name, series);
  }

  /** A level that was the same all the time, as far as anybody knows. */
  stand(name, times, value) {
    const levels = times.map(() => value);
    this._series.set(name, { times: [...times], mean: levels, min: levels, max: levels, p95: levels, stands: true });
  }

  /** Forget what is before a time. */
  trim(start) {
    for (const series of this._series.values()) {
      const from = lowerBound(series.times, start);
      if (from > 64) for (const kind of ["times", ...KINDS]) series[kind].splice(0, from);
    }
  }
}

/** The share of CPU periods in which a container was held back, as a series of its own. */
function throttled(all) {
  const held = all.find(({ metric }) => metric === "container.cpu.throttling.throttled_periods");
  const passed = all.find(({ metric }) => metric === "container.cpu.throttling.periods");
  if (!held || !passed?.mean.some((each) => each > 0)) return []; // without a quota no periods pass
  const periods = new Map(passed.times.map((time, at) => [time, passed.mean[at]]));
  const share = (value, time) => (value === null || !periods.has(time) || periods.get(time) === null ? null : periods.get(time) > 0 ? Math.min(1, value / periods.get(time)) : 0);
  const mean = held.mean.map((value, at) => share(value, held.times[at]));
  return [{ metric: "throttled", attributes: {}, entity: held.entity, times: held.times, mean, min: mean, max: mean, p95: mean }];
}

/** Where in sorted times the first one is that is not before `time`. */
export function lowerBound(times, time) {
  let [low, high] = [0, times.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle] < time) low = middle + 1;
    else high = middle;
  }
  return low;
}
