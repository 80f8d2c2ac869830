/** Tells screen readers of mood changes: politely, and at most once in 10 s. */

import { make } from './dom.js';

/** Least time between two announcements, in milliseconds. */
const QUIET_MS = 10_000;

/** A live region with manners. */
export class Announcer {
  constructor() {
    this.element = make('p', { class: 'sr', 'aria-live': 'polite' });
    this.said = '';
    this.saidMs = -Infinity;
  }

  /**
   * Offer what holds now; call again later, so that the newest is said once the pause is over.
   * @param {string} text
   * @param {number} nowMs
   */
  offer(text, nowMs) {
    if (text === this.said || nowMs - this.saidMs < QUIET_MS) return;
    this.said = text;
    this.saidMs = nowMs;
    this.element.textContent = text;
  }
}
