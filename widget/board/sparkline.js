/** The last minute of one call as a line: how upset the voice sounded, newest at the right. */

import { MINUTE_MS } from './live-calls.js';
import { draw } from './svg.js';

const WIDTH = 120;
const HEIGHT = 32;
/** Where the server enters "upset". */
const UPSET = 0.6;

export class Sparkline {
  constructor() {
    this._area = draw('path', { class: 'area' });
    this._line = draw('path', { class: 'stroke' });
    const zone = draw('rect', { class: 'zone', x: 0, y: 0, width: WIDTH, height: high(UPSET) });
    // Decoration: score, mood and trend stand beside it in words.
    this.element = draw('svg', { class: 'spark', viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', 'aria-hidden': 'true' }, [
      zone, this._area, this._line,
    ]);
  }

  /**
   * @param {{at: number, score: number|null}[]} scores
   * @param {number} now
   */
  paint(scores, now) {
    const runs = runsOf(scores, now);
    this._line.setAttribute('d', runs.map(lineOf).join(''));
    this._area.setAttribute('d', runs.map((run) => `${lineOf(run)}V${HEIGHT}H${run[0].x}Z`).join(''));
  }
}

/** @typedef {{x: number, y: number}[]} Run of steps: each score holds until the next */

/**
 * @param {{at: number, score: number|null}[]} scores
 * @param {number} now
 * @returns {Run[]} what is between two places where nothing was known
 */
export function runsOf(scores, now) {
  /** @type {Run[]} */
  const runs = [];
  /** @type {Run} */
  let run = [];
  for (const { at, score } of [...scores, { at: now, score: null }]) {
    const x = tenths(Math.max(0, WIDTH * (1 - (now - at) / MINUTE_MS)));
    if (score !== null) {
      run.push({ x, y: high(score) });
    } else if (run.length) {
      runs.push([...run, { x, y: run[run.length - 1].y }]);
      run = [];
    }
  }
  return runs;
}

/**
 * @param {Run} run
 * @returns {string} a path of steps
 */
function lineOf([first, ...rest]) {
  return `M${first.x} ${first.y}${rest.map(({ x, y }) => `H${x}V${y}`).join('')}`;
}

/** @param {number} score */
function high(score) {
  return tenths(HEIGHT - 1 - Math.min(1, Math.max(0, score)) * (HEIGHT - 2));
}

/** @param {number} value */
function tenths(value) {
  return Math.round(value * 10) / 10;
}
