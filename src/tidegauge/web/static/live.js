// Server-sent events: one stream, opened again with growing pauses, closed while nobody looks.

import { liveAddress } from "./api.js";

const FIRST_PAUSE = 1000;
const LONGEST_PAUSE = 30000;
const SILENCE = 20000; // the status comes every 5 s: so long without anything is a dead connection

/** Passes on overviews, events and the status; `link` hears how the connection is. */
export class Live {
  constructor({ overview, happened, status, link, opened }) {
    this._on = { overview, happened, status };
    this._link = link;
    this._opened = opened;
    this._pause = FIRST_PAUSE;
    this._since = null;
    this._source = null;
    this._timer = this._watch = 0;
  }

  start() {
    document.addEventListener("visibilitychange", () => this._seen());
    window.addEventListener("online", () => this.retry());
    window.addEventListener("pagehide", () => this._close());
    window.addEventListener("pageshow", (event) => event.persisted && this._open());
    this._seen();
  }

  /** Give up, for good. */
  stop() {
    this._stopped = true;
    this._close();
  }

  /** Try at once. */
  retry() {
    if (this._source?.readyState === EventSource.OPEN || document.hidden) return;
    this._pause = FIRST_PAUSE;
    this._open();
  }

  _seen() {
    if (document.hidden) {
      this._close();
      this._since = null;
      this._link({ state: "paused" });
    } else this._open();
  }

  _open() {
    this._close();
    if (this._stopped) return;
    if (this._since === null) this._link({ state: "connecting" });
    const source = new EventSource(liveAddress());
    this._source = source;
    source.onopen = () => this._connected();
    source.onerror = () => this._lost();
    for (const [kind, listen] of Object.entries(this._on)) {
      source.addEventListener(kind, (message) => {
        this._heard();
        listen(JSON.parse(message.data));
      });
    }
    this._heard();
  }

  _connected() {
    this._pause = FIRST_PAUSE;
    this._since = null;
    this._link({ state: "live" });
    this._opened();
  }

  _heard() {
    clearTimeout(this._watch);
    this._watch = setTimeout(() => this._lost(), SILENCE);
  }

  _lost() {
    this._close();
    if (document.hidden) return;
    this._since ??= Date.now() / 1000;
    const pause = this._pause * (0.8 + 0.4 * Math.random());
    this._pause = Math.min(LONGEST_PAUSE, this._pause * 2);
    this._link({ state: "lost", since: this._since, next: Date.now() + pause });
    this._timer = setTimeout(() => this._open(), pause);
  }

  _close() {
    clearTimeout(this._timer);
    clearTimeout(this._watch);
    this._source?.close();
    this._source = null;
  }
}
