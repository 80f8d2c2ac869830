/** How well the line carries the customer's voice, from the frames heard here and from what the server measured. No DOM, no clock. */

import { Latch } from './latch.js';

/**
 * What is wrong with a line, the worst first.
 * @typedef {'no_sound'|'clipping'|'too_quiet'|'noisy'} LineFault
 *
 * @typedef {import('./framer.js').Frame} Frame
 * @typedef {import('./messages.js').Quality} Quality
 */

/** Below this, in dB relative to full scale, a frame is nothing: the quietest telephone line hisses louder. */
const NOTHING_DB = -75;
/** Seconds over which frames are averaged. */
const SMOOTHING_SEC = 1;
/** More than this share of a frame at full scale says no more: it would only take longer to be forgotten. */
const MOST_CLIPPED = 0.05;

/** One call's line. */
export class LineQuality {
  /**
   * The worst first. The server's alert rules (rules.toml) begin at the same levels: 1 % clipped, −45 dB, 6 dB over the
   * noise. Here they must last seconds only, since nobody is called for it.
   * @type {Record<LineFault, Latch>}
   */
  #faults = {
    no_sound: new Latch({ enter: 1, leave: 0, enterSec: 10, leaveSec: 0.5 }),
    clipping: new Latch({ enter: 0.01, leave: 0.002, enterSec: 1, leaveSec: 3 }),
    too_quiet: new Latch({ enter: 45, leave: 41, enterSec: 3, leaveSec: 2 }),
    noisy: new Latch({ enter: -6, leave: -9, enterSec: 2, leaveSec: 2 }),
  };
  #clipped = 0;
  #speechDb = -30;
  #heardSec = 0;
  #speechSec = 0;

  /**
   * @param {Frame} frame
   * @param {number} seconds its length
   * @param {boolean} speaking whether the customer speaks
   */
  frame({ levelDb, clipped }, seconds, speaking) {
    const share = 1 - Math.exp(-seconds / SMOOTHING_SEC);
    this.#heardSec += seconds;
    this.#clipped += (Math.min(clipped, MOST_CLIPPED) - this.#clipped) * share;
    this.#faults.no_sound.push(levelDb < NOTHING_DB ? 1 : 0, this.#heardSec);
    this.#faults.clipping.push(this.#clipped, this.#heardSec);
    // Only speech can be too quiet: between words a good line is quiet too.
    if (!speaking || levelDb < NOTHING_DB) return;
    this.#speechSec += seconds;
    this.#speechDb += (levelDb - this.#speechDb) * share;
    this.#faults.too_quiet.push(-this.#speechDb, this.#speechSec);
  }

  /**
   * What noise is, only the server knows: it follows the floor under the speech.
   * @param {Quality|undefined} quality of a final reading
   * @param {number} atSec where it ends
   */
  reading(quality, atSec) {
    if (quality) this.#faults.noisy.push(-quality.snr_db, atSec);
  }

  /** @returns {LineFault|null} the worst that holds, to be told in words */
  get fault() {
    const held = Object.entries(this.#faults).find(([, latch]) => latch.on);
    return held ? /** @type {LineFault} */ (held[0]) : null;
  }
}
