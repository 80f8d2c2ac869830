/** Asks again and again for what was stored since: each reading once, in the order of storing. */

import { isAborted } from './states.js';

const EVERY_MS = 2000;
const PART = 200;

/**
 * @typedef {import('./records.js').SegmentPage} SegmentPage
 * @typedef {(query: {follow: string, limit: number}, signal: AbortSignal) => Promise<SegmentPage>} Ask
 *
 * @typedef {object} Told
 * @property {(segments: import('./records.js').Segment[]) => void} brought
 * @property {(error: unknown) => void} failed it goes on trying
 */

export class Follower {
  /**
   * @param {Ask} ask
   * @param {Told} told
   */
  constructor(ask, told) {
    this.ask = ask;
    this.told = told;
    /** Up to where everything was brought. */
    this.mark = '';
    this.running = false;
    this.timer = 0;
  }

  /**
   * @param {string} mark of a first page, or of the last answer
   * @param {AbortSignal} signal ends it
   */
  start(mark, signal) {
    this.stop();
    this.mark = mark;
    this.running = true;
    this.timer = window.setTimeout(() => void this.#turn(signal), 0);
  }

  stop() {
    this.running = false;
    window.clearTimeout(this.timer);
  }

  /** @param {AbortSignal} signal */
  async #turn(signal) {
    let more = false;
    try {
      // A page that nobody looks at need not ask; what it missed comes when it is looked at.
      if (!document.hidden) more = await this.#take(signal);
    } catch (error) {
      if (isAborted(error) || signal.aborted) return;
      this.told.failed(error);
    }
    if (this.running && !signal.aborted) this.timer = window.setTimeout(() => void this.#turn(signal), more ? 0 : EVERY_MS);
  }

  /**
   * @param {AbortSignal} signal
   * @returns {Promise<boolean>} whether there is more already
   */
  async #take(signal) {
    const { items, follow } = await this.ask({ follow: this.mark, limit: PART }, signal);
    if (!this.running || signal.aborted) return false;
    this.mark = follow ?? this.mark;
    this.told.brought(items);
    return items.length === PART;
  }
}
