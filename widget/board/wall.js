/** The wall: all calls that go on, whoever needs somebody first. */

import { make } from '../src/dom.js';
import { ordered } from './live-calls.js';
import { hashOf } from './router.js';
import { WallBar } from './wall-bar.js';
import { Emptiness, LostNotice, Newest } from './wall-notice.js';
import { WallTable } from './wall-table.js';
import { WALL } from './words.js';

/** Rows move at most once in this time. */
const CALM_MS = 2000;
/** How long an ended call stays on the wall. */
const FAREWELL_MS = 5000;
/** How long a row takes to its new place, and a little more (wall.css). */
const GLIDE_MS = 400;
/** Rows do not move under a pointer that has just moved: somebody is about to press. */
const POINTING_MS = 1500;

/** @typedef {import('./context.js').View} View */

/** @implements {View} */
export class WallView {
  /** @param {import('./context.js').Context} context */
  constructor({ feed, go }) {
    this._feed = feed;
    this.title = WALL.title;
    this._bar = new WallBar(({ mood, find }) => go(hashOf('wall', [], { mood, find }), { replace: true }));
    this._lost = new LostNotice(() => feed.hurry());
    this._table = new WallTable(feed.calls);
    this._empty = new Emptiness();
    this._newest = new Newest();
    this.element = make('div', { class: 'wall-view' }, [
      this._bar.element, this._newest.element, this._lost.element, this._table.element, this._empty.element,
      make('p', { class: 'fine' }, [WALL.order]),
    ]);
    this._table.element.addEventListener('pointermove', () => (this._pointedAt = performance.now()));
    this._table.element.addEventListener('pointerleave', () => (this._pointedAt = -Infinity));
    this._pointedAt = -Infinity;
    this._movedAt = -Infinity;
    /** @type {(() => void)[]} */
    this._undo = [];
    /** @type {import('./live-calls.js').LiveRow[]} */
    this._order = [];
    this._drawing = 0;
    this._tickAt = -Infinity;
  }

  /** @param {string[]} _path @param {URLSearchParams} query */
  open(_path, query) {
    this._bar.open(query);
    this._movedAt = -Infinity;
    const draw = () => this._soon();
    addEventListener('scroll', draw, { passive: true });
    addEventListener('resize', draw);
    const ticking = setInterval(draw, 1000);
    this._undo = [
      this._feed.subscribe((event) => this._hear(event)),
      () => removeEventListener('scroll', draw),
      () => removeEventListener('resize', draw),
      () => clearInterval(ticking),
    ];
    draw();
  }

  close() {
    for (const undo of this._undo) undo();
    this._undo = [];
    cancelAnimationFrame(this._drawing);
    this._drawing = 0;
  }

  /** @param {import('./feed.js').FeedEvent} event */
  _hear(event) {
    if (event.type === 'state') this._lost.show(event.state === 'lost', event.since, event.message);
    if (event.type === 'state') this._table.element.classList.toggle('stale', event.state !== 'live');
    if (event.type === 'snapshot') this._movedAt = -Infinity;
    if (event.type === 'alert' && event.alert.severity !== 'info') this._newest.show(event.alert);
    this._soon();
  }

  /** Draw with the next frame, however much happens until then. */
  _soon() {
    this._drawing ||= requestAnimationFrame(() => this._draw());
  }

  _draw() {
    this._drawing = 0;
    const now = performance.now();
    const calls = this._feed.calls;
    calls.sweep(FAREWELL_MS);
    if (now - this._movedAt >= CALM_MS && now - this._pointedAt >= POINTING_MS) this._arrange(now);
    const moving = now - this._tickAt >= 950;
    if (moving) this._tickAt = now;
    this._table.paint(now, moving);
    if (now - this._movedAt > GLIDE_MS) this._table.settle();
    this._bar.count(calls);
    if (!calls.freshCount()) this._newest.show(null);
  }

  /** @param {number} now */
  _arrange(now) {
    const calls = this._feed.calls;
    const isFresh = (/** @type {import('./live-calls.js').LiveRow} */ row) => calls.isFresh(row, now);
    // As they stood, then the newcomers: equals keep their order.
    const known = new Set(this._order);
    const kept = this._order.filter((row) => calls.rows.get(row.call.call_id) === row);
    const all = [...kept, ...[...calls.rows.values()].filter((row) => !known.has(row))];
    const order = ordered(all.filter((row) => this._bar.fits(row, isFresh(row))), isFresh);
    const same = order.length === this._order.length && order.every((row, place) => row === this._order[place]);
    if (!same) this._movedAt = now;
    this._order = order;
    this._table.order(order);
    this._table.element.hidden = order.length === 0;
    this._empty.show(order.length ? '' : calls.rows.size ? 'filtered' : this._feed.told ? 'empty' : 'loading');
  }
}
