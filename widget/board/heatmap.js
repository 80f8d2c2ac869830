/** A call's readings as a heat-map: a row for each stretch of time, a cell for each segment at its place. */

import { make } from '../src/dom.js';
import { letterOf } from '../src/strings.js';
import { wordAndShare } from './emotions.js';
import { clock, percent } from './measures.js';
import { WORDS } from './view-words.js';

/**
 * @typedef {import('./records.js').Segment} Segment
 * @typedef {import('./context.js').LoggedAlert} LoggedAlert
 */

/** How long a row may be, in seconds, and how many rows there are at most. */
const ROWS_SEC = [20, 30, 60, 120, 180, 300, 600, 900];
const MOST_ROWS = 20;
/** Pixels a second that make a usual segment wide enough for its letter, and pixels that the letter needs. */
const LEGIBLE = 9;
const LETTER = 9;

export class Heatmap {
  constructor() {
    /** @type {Segment[]} */
    this.segments = [];
    /** @type {LoggedAlert[]} */
    this.alerts = [];
    this.width = 0;
    this.told = make('p', { class: 'told', 'aria-hidden': 'true' }, [WORDS.call.point]);
    // The table beside it says the same: what is drawn here is for eyes and pointers.
    this.map = make('div', { class: 'heatmap', 'aria-hidden': 'true' });
    this.element = make('div', {}, [this.map, this.told]);
    this.map.addEventListener('pointerover', (event) => this.#tell(event.target));
    this.observer = new ResizeObserver(() => this.#fit());
  }

  /** Follow the room that there is. */
  open() {
    this.observer.observe(this.map);
  }

  close() {
    this.observer.disconnect();
  }

  /**
   * @param {Segment[]} segments in the order of the audio
   * @param {LoggedAlert[]} alerts
   */
  draw(segments, alerts) {
    this.segments = segments;
    this.alerts = alerts;
    this.#redraw();
  }

  #fit() {
    const width = this.map.clientWidth;
    if (width && width !== this.width) {
      this.width = width;
      this.#redraw();
    }
  }

  #redraw() {
    if (!this.width) return;
    const end = Math.max(this.segments.at(-1)?.end_offset_sec ?? 0, this.alerts.at(-1)?.offset_sec ?? 0);
    const rowSec = rowFor(end, this.width);
    const rows = Array.from({ length: Math.max(1, Math.ceil(end / rowSec)) }, () => /** @type {HTMLElement[]} */ ([]));
    this.segments.forEach((segment, place) => {
      for (const piece of pieces(segment, rowSec)) rows[piece.row]?.push(cell(segment, piece, place, piece.width * this.width >= LETTER));
    });
    for (const alert of this.alerts) rows[Math.min(rows.length - 1, Math.floor(alert.offset_sec / rowSec))]?.push(flag(alert, rowSec));
    this.map.replaceChildren(...rows.map((cells, row) =>
      make('div', { class: 'stretch' }, [make('span', { class: 'from' }, [clock(row * rowSec)]), make('div', { class: 'lane' }, cells)])));
  }

  /** @param {EventTarget|null} target */
  #tell(target) {
    const near = target instanceof Element ? target.closest('[data-place]') : null;
    const segment = near && this.segments[Number(near.getAttribute('data-place'))];
    if (segment) this.told.textContent = sentence(segment);
    const said = target instanceof Element ? target.closest('[data-said]') : null;
    if (said) this.told.textContent = said.getAttribute('data-said') ?? '';
  }
}

/**
 * @param {number} end of the call, in seconds
 * @param {number} width in pixels
 * @returns {number} seconds a row: letters are legible in it, unless there would be too many rows
 */
function rowFor(end, width) {
  const legible = Math.max(20, Math.min(60, Math.floor(width / LEGIBLE / 10) * 10));
  return ROWS_SEC.find((sec) => sec >= legible && end / sec <= MOST_ROWS) ?? Math.ceil(end / MOST_ROWS / 60) * 60;
}

/**
 * @typedef {{row: number, left: number, width: number, lettered: boolean}} Piece parts of a row, 0…1
 *
 * @param {Segment} segment
 * @param {number} rowSec
 * @returns {Piece[]} a segment, cut where a row ends
 */
export function pieces({ start_offset_sec: start, end_offset_sec: end }, rowSec) {
  const found = [];
  for (let row = Math.floor(start / rowSec); row * rowSec < end; row += 1) {
    const [from, to] = [Math.max(start, row * rowSec), Math.min(end, (row + 1) * rowSec)];
    found.push({ row, left: (from - row * rowSec) / rowSec, width: (to - from) / rowSec });
  }
  // The letter stands on the larger part.
  const widest = found.reduce((one, other) => (other.width > one.width ? other : one));
  return found.map((piece) => ({ ...piece, lettered: piece === widest }));
}

/**
 * @param {Segment} segment
 * @returns {string}
 */
function sentence(segment) {
  const [from, to] = [clock(segment.start_offset_sec), clock(segment.end_offset_sec)];
  return WORDS.call.cell(from, to, wordAndShare(segment), percent(segment.upset_score));
}

/**
 * @param {Segment} segment
 * @param {Piece} piece
 * @param {number} place
 * @param {boolean} hasRoom for the letter
 * @returns {HTMLElement}
 */
function cell(segment, { left, width, lettered }, place, hasRoom) {
  const letter = segment.uncertain ? '?' : letterOf(segment.detected_emotion, Object.keys(segment.all_emotions_confidence));
  const attributes = { class: segment.uncertain ? 'cell unsure' : 'cell', 'data-emotion': segment.detected_emotion, 'data-place': String(place) };
  return placed(make('span', attributes, lettered && hasRoom ? [make('b', {}, [letter])] : []), left, width);
}

/**
 * @param {LoggedAlert} alert
 * @param {number} rowSec
 * @returns {HTMLElement}
 */
function flag(alert, rowSec) {
  const said = `${clock(alert.offset_sec)} ${alert.message}`;
  const drawn = make('span', { class: 'flag', 'data-severity': alert.severity, 'data-said': said });
  return placed(drawn, (alert.offset_sec % rowSec) / rowSec, 0);
}

/**
 * @param {HTMLElement} element
 * @param {number} left
 * @param {number} width
 */
function placed(element, left, width) {
  element.style.setProperty('--left', `${(left * 100).toFixed(3)}%`);
  if (width) element.style.setProperty('--width', `${(width * 100).toFixed(3)}%`);
  return element;
}
