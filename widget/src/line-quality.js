/** How well the line carries the customer's voice, from the frames heard here and from what the server measured. No DOM, no clock. */

import { Latch } from './latch.js';

/**
 * What is wrong with a line, the worst first.
 * @typedef {'no_sound'|'clipping'|'too_quiet'|'noisy'} LineFault
 *
 * @typedef {import('./framer.js').Frame} Frame
 * @typedef {import('./messages.js').Quality} Quality
 */

/** @type {LineFault[]} */
const WORST_FIRST = ['no_sound', 'clipping', 'too_quiet', 'noisy'];
/** Below this, in dB relative to full scale, a frame is nothing: the quietest telephone line hisses louder. */
const NOTHING_DB = -75;
/** Seconds over which frames are averaged. */
const SMOOTHING_SEC = 1.5;

/**
 * The server's alert rules (rules.toml) begin at the same levels: −45 dB, 1 % clipped, 6 dB over the noise. Here they
 * must last seconds only, since nobody is called for it.
 * @type {Record<LineFault, import('./latch.js').Thresholds>}
 */
const HEARD = {
  no_sound: { enter: 1, leave: 0, enterSec: 10, leaveSec: 0.5 },
  clipping: { enter: 0.01, leave: 0.002, enterSec: 1, leaveSec: 4 },
  too_quiet: { enter: 45, leave: 41, enterSec: 3, leaveSec: 2 },
  noisy: { enter: -6, leave: -9, enterSec: 2, leaveSec: 2 },
};

/** One call's line. */
export class LineQuality {
  #here = latches();
  #there = latches();
  #clipped = 0;
  #speechDb = -30;
  #heardSec = 0;
  #speechSec = 0;

  /**
   * @param {Frame} frame
   * @param {number} seconds its length
   * @param {boolean} speaking whether the customer speaks
   */
  frame({ levelDb, clipped = 0 }, seconds, speaking) {
    const share = 1 - Math.exp(-seconds / SMOOTHING_SEC);
    this.#heardSec += seconds;
    this.#clipped += (clipped - this.#clipped) * share;
    this.#here.no_sound.push(levelDb < NOTHING_DB ? 1 : 0, this.#heardSec);
    this.#here.clipping.push(this.#clipped, this.#heardSec);
    // Only speech can be too quiet: between words a good line is quiet too.
    if (!speaking || levelDb < NOTHING_DB) return;
    this.#speechSec += seconds;
    this.#speechDb += (levelDb - this.#speechDb) * share;
    this.#here.too_quiet.push(-this.#speechDb, this.#speechSec);
  }

  /**
   * @param {Quality|undefined} quality of a final reading
   * @param {number} atSec where it ends
   */
  reading(quality, atSec) {
    if (!quality) return;
    this.#there.clipping.push(quality.clipped ?? 0, atSec);
    this.#there.too_quiet.push(-quality.level_dbfs, atSec);
    this.#there.noisy.push(-quality.snr_db, atSec);
  }

  /** @returns {LineFault|null} the worst that holds, to be told in words */
  get fault() {
    return WORST_FIRST.find((each) => this.#here[each].on || this.#there[each].on) ?? null;
  }
}

/** @returns {Record<LineFault, Latch>} */
function latches() {
  return {
    no_sound: new Latch(HEARD.no_sound),
    clipping: new Latch(HEARD.clipping),
    too_quiet: new Latch(HEARD.too_quiet),
    noisy: new Latch(HEARD.noisy),
  };
}
