/** Reads a call and all that belongs to it, and reads on while the call does. */

import { isAborted } from './states.js';

/**
 * @typedef {import('./records.js').Call} Call
 * @typedef {{call: Call, segments: import('./records.js').Segment[], feedback: import('./records.js').CallFeedback}} Known
 *
 * @typedef {object} Told
 * @property {(known: Known) => void} known
 * @property {(audit: import('./records.js').CallAudit) => void} looked
 * @property {() => void} erased
 * @property {(error: unknown) => void} failed
 */

/** How often a live call is read at most: each look at it stands in the audit log. */
const EVERY_MS = 4000;

/** @type {import('./records.js').CallFeedback} */
const NOTHING_SAID = { items: [], hints: [] };

export class CallReader {
  /**
   * @param {import('./api.js').Api} api
   * @param {import('./feed.js').Feed} feed
   * @param {Told} told
   */
  constructor(api, feed, told) {
    this.api = api;
    this.feed = feed;
    this.told = told;
    this.path = '';
    this.visit = new AbortController();
    this.unsubscribe = () => {};
    this.timer = 0;
    this.readAt = 0;
    this.callId = '';
    this.feedback = NOTHING_SAID;
  }

  /** @param {string} callId */
  open(callId) {
    this.close();
    this.visit = new AbortController();
    this.path = `/calls/${encodeURIComponent(callId)}`;
    this.callId = callId;
    this.feedback = NOTHING_SAID;
    void this.#read(true);
    this.unsubscribe = this.feed.subscribe((event) => this.#hear(event));
  }

  close() {
    this.visit.abort();
    this.unsubscribe();
    this.unsubscribe = () => {};
    window.clearTimeout(this.timer);
    this.timer = 0;
  }

  /** The call is erased: nothing more is read of it but who did that. */
  forget() {
    this.close();
    this.visit = new AbortController();
    void this.#look(this.visit.signal);
  }

  /** @param {import('./feed.js').FeedEvent} event */
  #hear(event) {
    if (event.type === 'alert' && event.alert.call_id === this.callId) this.#soon();
    if (!('call' in event) || event.call.call_id !== this.callId) return;
    if (event.type === 'ended' && event.call.reason === 'call_erased') this.told.erased();
    else this.#soon(event.type === 'ended');
  }

  /** @param {boolean} [whole] with what was said of it, and who looked */
  #soon(whole = false) {
    if (this.timer && !whole) return;
    window.clearTimeout(this.timer);
    const wait = whole ? 0 : Math.max(0, this.readAt + EVERY_MS - performance.now());
    this.timer = window.setTimeout(() => {
      this.timer = 0;
      void this.#read(whole);
    }, wait);
  }

  /** @param {boolean} whole */
  async #read(whole) {
    const { signal } = this.visit;
    this.readAt = performance.now();
    try {
      const [call, segments, feedback] = await Promise.all([
        this.api.get(this.path, {}, signal),
        this.api.get('/emotions', { call_id: this.callId }, signal),
        whole ? this.#feedback(signal) : this.feedback,
      ]);
      if (signal.aborted) return;
      this.feedback = feedback;
      this.told.known({ call, segments, feedback });
    } catch (error) {
      if (isAborted(error) || signal.aborted) return;
      this.told.failed(error);
    }
    if (whole) await this.#look(signal);
  }

  /**
   * @param {AbortSignal} signal
   * @returns {Promise<import('./records.js').CallFeedback>}
   */
  async #feedback(signal) {
    return this.api.get(`${this.path}/feedback`, {}, signal).catch((/** @type {unknown} */ error) => {
      if (isAborted(error)) throw error;
      return NOTHING_SAID;  // what the agent said matters less than the call
    });
  }

  /**
   * Read who looked at it, last, so that this look is among it.
   * @param {AbortSignal} signal
   */
  async #look(signal) {
    const audit = await this.api.get(`${this.path}/audit`, { limit: 200 }, signal).catch(() => null);
    if (audit && !signal.aborted) this.told.looked(audit);
  }
}
