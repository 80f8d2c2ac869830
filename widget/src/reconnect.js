/** When to try again after a lost connection: exponential back-off with jitter, up to a limit. No clock of its own. */

/** The first try comes within this time, in milliseconds; each later one at most at twice the time before. */
const FIRST_MS = 500;
/** Longest wait between two tries, in milliseconds. */
const LONGEST_MS = 10_000;

/** Spreads the tries of many pages, so that a server that comes back is not run over. */
export class Backoff {
  #tries = 0;
  /** When the first of the present losses happened. @type {number|null} */
  #sinceMs = null;

  /**
   * @param {number} limitMs give up after so long without success
   * @param {() => number} [random] 0…1
   */
  constructor(limitMs, random = Math.random) {
    this.limitMs = limitMs;
    this.random = random;
  }

  /**
   * Count a loss.
   * @param {number} nowMs
   * @param {number} [atLeastMs] what the server asked for
   * @returns {number|null} how long to wait, in milliseconds; null: give up
   */
  next(nowMs, atLeastMs = 0) {
    this.#sinceMs ??= nowMs;
    const leftMs = this.#sinceMs + this.limitMs - nowMs;
    if (leftMs <= 0) return null;
    const mostMs = Math.min(LONGEST_MS, FIRST_MS * 2 ** this.#tries);
    // Later tries keep half of their wait: a server that is down is not asked twice at once.
    const leastMs = this.#tries === 0 ? 0 : mostMs / 2;
    this.#tries += 1;
    return Math.min(leftMs, atLeastMs + leastMs + this.random() * (mostMs - leastMs));
  }

  /** Forget the losses: the call has moved on since. */
  succeeded() {
    this.#tries = 0;
    this.#sinceMs = null;
  }
}
