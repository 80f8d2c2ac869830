/** What the wall says when there is nothing to show, or when what it shows is old. */

import { make, makeButton, write } from '../src/dom.js';
import { hashOf } from './router.js';
import { SEVERITIES, WALL, timeOfDay } from './words.js';

/** A broken line, above the table. */
export class LostNotice {
  /** @param {() => void} again tries at once */
  constructor(again) {
    this._text = make('p');
    this.element = make('div', { class: 'notice lost', role: 'alert', hidden: '' }, [this._text, makeButton(WALL.now, '', again)]);
  }

  /**
   * @param {boolean} lost
   * @param {Date} since
   * @param {string} message why, where it is known
   */
  show(lost, since, message) {
    this.element.hidden = !lost;
    if (lost) write(this._text, [message, WALL.lost(timeOfDay(since)), WALL.retrying].filter(Boolean).join(' '));
  }
}

/** The newest warning, at once: its row may still be on its way to the top. */
export class Newest {
  constructor() {
    this._tag = make('b', { class: 'tag' });
    this._link = make('a');
    this._message = make('span');
    this._line = make('span', { hidden: '' }, [this._tag, this._link, ' ', this._message]);
    // Its place is kept free: what appears moves nothing. It has its own words for screen readers, which hear it.
    this.element = make('p', { class: 'newest', role: 'status' }, [this._line]);
  }

  /** @param {import('./context.js').LoggedAlert|null} alert nothing clears it */
  show(alert) {
    this._line.hidden = alert === null;
    write(this._tag, alert ? SEVERITIES[alert.severity] : '');
    write(this._link, alert?.call_id ?? '');
    this._link.href = alert ? hashOf('calls', [alert.call_id]) : '#/wall';
    write(this._message, alert?.message ?? '');
  }
}

/** Says what would fill the wall. */
export class Emptiness {
  constructor() {
    this.element = make('div', { class: 'empty' });
    this._shown = '';
  }

  /** @param {'loading'|'empty'|'filtered'|''} why nothing hides it */
  show(why) {
    if (why === this._shown) return;
    this._shown = why;
    this.element.hidden = why === '';
    this.element.replaceChildren(...CONTENT[why]());
  }
}

/** @type {Record<string, () => Node[]>} */
const CONTENT = {
  '': () => [],
  loading: () => [make('p', {}, [WALL.loading])],
  filtered: () => [make('h2', {}, [WALL.nobody]), make('p', {}, [WALL.nobodyMore]), make('p', {}, [make('a', { href: '#/wall' }, [WALL.showAll])])],
  empty: () => [
    make('h2', {}, [WALL.empty]),
    make('p', {}, [WALL.emptyMore]),
    make('p', {}, [WALL.emptyHow]),
    make('pre', { tabindex: '0' }, [make('code', {}, [WALL.emptyCommand])]),
  ],
};
