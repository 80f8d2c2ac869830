/** The log's table: rows stand by when they were said, whenever they came. */

import { make } from '../src/dom.js';
import { emotionChip } from './emotions.js';
import { clock, percent } from './measures.js';
import { dayAndTime, timeOrDay } from './moments.js';
import { hashOf } from './router.js';
import { scrollable, table, tableRow } from './tables.js';
import { WORDS } from './view-words.js';

/** @typedef {import('./records.js').Segment} Segment */

/** Rows that the page keeps; the oldest go first, and `older` brings them back. */
const MOST = 2000;

const { columns: NAMES } = WORDS.log;
const COLUMNS = [
  { name: NAMES.time }, { name: NAMES.emotion }, { name: NAMES.confidence, number: true }, { name: NAMES.upset, number: true },
  { name: NAMES.call }, { name: NAMES.place, number: true }, { name: NAMES.agent },
];

export class LogRows {
  constructor() {
    this.table = table(WORDS.log.title, COLUMNS, []);
    this.body = this.table.tBodies[0];
    this.element = scrollable(WORDS.log.title, this.table);
    this.element.hidden = true;
    /** Of the rows in their order. @type {{key: string, row: HTMLTableRowElement}[]} */
    this.kept = [];
    /** @type {Set<string>} */
    this.known = new Set();
  }

  get count() {
    return this.kept.length;
  }

  clear() {
    this.kept = [];
    this.known.clear();
    this.body?.replaceChildren();
    this.element.hidden = true;
  }

  /**
   * @param {Segment[]} segments
   * @param {boolean} [fresh] whether they came while one looks
   */
  add(segments, fresh = false) {
    for (const segment of segments) if (!this.known.has(segment.segment_id)) this.#put(segment, fresh);
    if (fresh) this.kept.splice(MOST).forEach(({ row, key }) => this.#drop(row, key));
    this.element.hidden = this.kept.length === 0;
  }

  /** @param {number} place the keyboard goes on there */
  focus(place) {
    this.kept[place]?.row.querySelector('a')?.focus({ preventScroll: true });
  }

  /**
   * @param {Segment} segment
   * @param {boolean} fresh
   */
  #put(segment, fresh) {
    const row = drawn(segment);
    if (fresh) row.classList.add('fresh');
    const key = `${segment.timestamp} ${segment.segment_id}`;
    const place = placeOf(this.kept, key);
    this.body?.insertBefore(row, this.kept[place]?.row ?? null);
    this.kept.splice(place, 0, { key, row });
    this.known.add(segment.segment_id);
  }

  /**
   * @param {HTMLTableRowElement} row
   * @param {string} key
   */
  #drop(row, key) {
    row.remove();
    this.known.delete(key.slice(key.indexOf(' ') + 1));
  }
}

/**
 * @param {{key: string}[]} kept newest first
 * @param {string} key
 * @returns {number} where it belongs
 */
function placeOf(kept, key) {
  let [low, high] = [0, kept.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((kept[middle]?.key ?? '') > key) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** @param {Segment} segment */
function drawn(segment) {
  return tableRow(COLUMNS, [
    make('time', { datetime: segment.timestamp, title: dayAndTime(segment.timestamp) }, [timeOrDay(segment.timestamp)]),
    emotionChip(segment),
    percent(segment.confidence_score),
    percent(segment.upset_score),
    make('a', { href: hashOf('calls', [segment.call_id]) }, [segment.call_id]),
    clock(segment.start_offset_sec),
    segment.agent_id ?? WORDS.none,
  ]);
}
