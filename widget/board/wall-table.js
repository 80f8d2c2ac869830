/**
 * A table of many rows of which only those on the screen exist.
 *
 * Rows have one height and stand by a transform, so that moving one moves nothing else, and drawing costs the
 * same for ten calls as for a thousand. A row that has the focus stays, wherever it goes.
 */

import { make } from '../src/dom.js';
import { WallRow } from './wall-row.js';
import { WALL } from './words.js';

/** Rows that exist above and below what is seen, so that scrolling finds them drawn. */
const BEYOND = 4;

export class WallTable {
  /** @param {import('./live-calls.js').LiveCalls} calls */
  constructor(calls) {
    this._calls = calls;
    /** @type {import('./live-calls.js').LiveRow[]} */
    this._order = [];
    /** @type {Map<string, WallRow>} */
    this._drawn = new Map();
    this._body = make('div', { role: 'rowgroup', class: 'rows' });
    const heads = Object.entries(WALL.columns).map(([name, text]) => make('div', { role: 'columnheader', class: name }, [text]));
    this.element = make('div', { role: 'table', class: 'wall', 'aria-label': WALL.table }, [
      make('div', { role: 'rowgroup', class: 'heads' }, [make('div', { role: 'row', class: 'head', 'aria-rowindex': '1' }, heads)]),
      this._body,
    ]);
  }

  /** @param {import('./live-calls.js').LiveRow[]} rows who stands where */
  order(rows) {
    this._order = rows;
    this._body.style.setProperty('--rows', String(rows.length));
    this.element.setAttribute('aria-rowcount', String(rows.length + 1));
  }

  /**
   * Draw what is on the screen.
   * @param {number} now
   * @param {boolean} moving whether the minute's lines shall move on
   */
  paint(now, moving) {
    const [first, last] = this._seen();
    const gone = new Set(this._drawn.keys());
    for (let place = first; place < last; place += 1) {
      const row = this._order[place];
      gone.delete(row.call.call_id);
      this._paintRow(row, place, now, moving);
    }
    for (const id of gone) this._letGo(id, now);
  }

  /**
   * Put the rows into the order in which they are seen, for the keyboard and screen readers. Not while they glide: what
   * is taken out and put back jumps. The row with the focus stays, the others are put around it.
   */
  settle() {
    const rows = [...this._drawn.values()].sort((a, b) => a.at - b.at).map((row) => row.element);
    if (rows.every((row, place) => row === this._body.children[place])) return;
    const middle = rows.findIndex((row) => row.contains(document.activeElement));
    rows.slice(0, Math.max(0, middle)).forEach((row) => rows[middle].before(row));
    rows.slice(middle + 1).forEach((row) => this._body.append(row));
  }

  /** @returns {[number, number]} which places are on the screen, the last one not included */
  _seen() {
    const box = this._body.getBoundingClientRect();
    const height = box.height / Math.max(1, this._order.length);
    if (!(height > 0)) return [0, 0];
    const first = Math.floor(-box.top / height) - BEYOND;
    const last = Math.ceil((innerHeight - box.top) / height) + BEYOND;
    return [Math.max(0, first), Math.min(this._order.length, last)];
  }

  /**
   * @param {import('./live-calls.js').LiveRow} row
   * @param {number} place
   * @param {number} now
   * @param {boolean} moving
   */
  _paintRow(row, place, now, moving) {
    const id = row.call.call_id;
    const known = this._drawn.get(id);
    const drawn = known ?? new WallRow(id);
    drawn.place(place);
    drawn.paint(row, this._calls.isFresh(row, now));
    if (moving || !known) drawn.paintMinute(row, now);
    if (known) return;
    this._drawn.set(id, drawn);
    this._body.append(drawn.element);
  }

  /** @param {string} id @param {number} now */
  _letGo(id, now) {
    const drawn = /** @type {WallRow} */ (this._drawn.get(id));
    const place = this._order.findIndex((row) => row.call.call_id === id);
    if (place >= 0 && drawn.element.contains(document.activeElement)) {
      this._paintRow(this._order[place], place, now, true);
      return;
    }
    drawn.element.remove();
    this._drawn.delete(id);
  }
}
