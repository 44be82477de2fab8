// Tells readers of the screen what changed, politely: what comes together is said together.

import { isContainer, keyOf, wordsOf } from "./happenings.js";

const GATHER = 2000;
const MOST = 3;

export class Announcer {
  constructor(element) {
    this._element = element;
    this._waiting = [];
    this._timer = 0;
  }

  happened(event) {
    if (!isContainer(event.entity)) return;
    const key = keyOf(event.entity);
    this._waiting.push(`${key.slice(key.indexOf("/") + 1)} ${wordsOf(event)}`);
    if (!this._timer) this._timer = setTimeout(() => this._say(), GATHER);
  }

  _say() {
    this._timer = 0;
    const told = this._waiting;
    this._waiting = [];
    const rest = told.length - MOST;
    this._element.textContent = `${told.slice(0, MOST).join(". ")}.${rest > 0 ? ` And ${rest} more events.` : ""}`;
  }
}
