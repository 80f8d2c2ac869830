/** Tells screen readers what is new, the mood first: politely, and at most once in 10 s. */

import { make } from './dom.js';

/** Least time between two announcements, in milliseconds. */
const QUIET_MS = 10_000;

/** A live region with manners. */
export class Announcer {
  constructor() {
    this.element = make('p', { class: 'sr', 'aria-live': 'polite' });
    /** @type {string[]} */
    this.said = [];
    this.saidMs = -Infinity;
  }

  /**
   * Offer what holds now; call again later, so that the newest is said once the pause is over.
   * @param {string[]} texts each is said once for as long as it holds
   * @param {number} nowMs
   */
  offer(texts, nowMs) {
    const fresh = texts.filter((each) => each && !this.said.includes(each));
    if (fresh.length > 0 && nowMs - this.saidMs < QUIET_MS) return;
    this.said = texts;
    if (fresh.length === 0) return;
    this.saidMs = nowMs;
    this.element.textContent = fresh.join(' – ');
  }
}
