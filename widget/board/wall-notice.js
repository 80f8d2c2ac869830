/** What the wall says when there is nothing to show, or when what it shows is old. */

import { make, makeButton, write } from '../src/dom.js';
import { WALL, timeOfDay } from './words.js';

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
    make('p', {}, [make('a', { href: '/' }, [WALL.demo])]),
  ],
};
