/** A yes or no that does not flicker: entered and left at different values, each only once it has lasted. No clock. */

/**
 * @typedef {object} Thresholds
 * @property {number} enter on from this value up
 * @property {number} leave off again at this value or below
 * @property {number} [enterSec] how long the value must have been there before it is on
 * @property {number} [leaveSec] and before it is off
 */

/** Holds one yes or no. */
export class Latch {
  on = false;
  /** @type {number|null} since when the value asks for the other state, in seconds */
  #since = null;

  /** @param {Thresholds} thresholds */
  constructor(thresholds) {
    this.thresholds = thresholds;
  }

  /**
   * @param {number} value
   * @param {number} atSec any clock that only goes forward
   * @returns {boolean} what holds now
   */
  push(value, atSec) {
    const { enter, leave, enterSec = 0, leaveSec = 0 } = this.thresholds;
    const asks = this.on ? value <= leave : value >= enter;
    if (!asks) this.#since = null;
    else this.#since ??= atSec;
    if (this.#since !== null && atSec - this.#since >= (this.on ? leaveSec : enterSec)) {
      this.on = !this.on;
      this.#since = null;
    }
    return this.on;
  }
}
