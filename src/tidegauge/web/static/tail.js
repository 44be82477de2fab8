// Series that are kept up to date: loaded whole, then asked for their newest end again and again.

import * as api from "./api.js";
import { Frames } from "./frames.js";
import { bounds } from "./route.js";

const POINTS = 360; // an hour then comes in buckets of 10 s, a day in those of 4 min
const SHORTEST = 5; // seconds between two requests
const AGAIN = 2; // buckets that are asked for again: they were not full
const FAILED = 10;

/** Series of entities, of a `host` of the fleet; `changed(error)` hears of each answer. */
export class Tail {
  constructor(entities, metrics, store, changed, host = "") {
    this.frames = new Frames();
    this._entities = entities;
    this._metrics = metrics;
    this._store = store;
    this._changed = changed;
    this._host = host;
    this._timer = 0;
    this._range = null;
  }

  get now() {
    return this._store.at || Date.now() / 1000;
  }

  get bounds() {
    return bounds(this._range, this.now);
  }

  /** Show another range. */
  async load(range) {
    this.close();
    this._range = range;
    this._abort = new AbortController();
    const [start, stop] = this.bounds;
    const live = range.name === "live" && range.from === null;
    const asked = live ? { start, stop, step: 1 } : { start, stop, points: POINTS };
    await this._ask(asked, true);
  }

  close() {
    clearTimeout(this._timer);
    this._abort?.abort();
  }

  async _ask(asked, whole) {
    const { signal } = this._abort;
    let error = null;
    try {
      const answer = await api.series(this._entities, this._metrics, asked, signal, this._host);
      if (signal.aborted) return;
      if (whole) this.frames.clear();
      this.frames.merge(answer, this._entities.length > 1);
      this.frames.trim(this.bounds[0] - answer.step);
      this._until = asked.stop;
    } catch (failed) {
      if (signal.aborted) return;
      error = failed;
      if (whole) this.frames.clear();
    }
    this._changed(error);
    if (this._range.from === null) this._again(error);
  }

  _again(error) {
    const pause = error ? FAILED : Math.max(SHORTEST, this.frames.step);
    this._timer = setTimeout(() => {
      if (document.hidden) return this._again(null);
      const [start, stop] = this.bounds;
      const { step } = this.frames;
      const whole = Boolean(error) || this._until < start;
      return this._ask({ start: whole ? start : this._until - AGAIN * step, stop, step }, whole);
    }, pause * 1000);
  }
}
