/** Above the wall: how many calls are in which mood, which at the same time chooses what is shown; and a field to find one. */

import { make, write } from '../src/dom.js';
import { en } from '../src/words/en.js';
import { hashOf } from './router.js';
import { shape } from './svg.js';
import { WALL } from './words.js';

/** @typedef {{mood: string, find: string}} WallFilter */

/** @type {import('./context.js').MoodState[]} */
const MOODS = ['upset', 'tense', 'recovering', 'calm'];
export const FRESH = 'alerted';

export class WallBar {
  /** @param {(filter: WallFilter) => void} onFind told what is looked for, as it is typed */
  constructor(onFind) {
    /** @type {WallFilter} */
    this.filter = { mood: '', find: '' };
    const words = { '': WALL.all, [FRESH]: WALL.fresh, ...Object.fromEntries(MOODS.map((mood) => [mood, en.moods[mood]])) };
    this._choices = Object.entries(words).map(([mood, word]) => choice(mood, word));
    this._find = make('input', { type: 'search', placeholder: WALL.find, 'aria-label': WALL.find, autocomplete: 'off', spellcheck: 'false' });
    this._find.addEventListener('input', () => onFind({ ...this.filter, find: this._find.value.trim() }));
    const nav = make('nav', { class: 'choices', 'aria-label': WALL.moods }, this._choices.map(({ link }) => link));
    this.element = make('div', { class: 'tools' }, [nav, this._find]);
  }

  /** @param {URLSearchParams} query */
  open(query) {
    const mood = query.get('mood') ?? '';
    this.filter = { mood: this._choices.some((each) => each.mood === mood) ? mood : '', find: query.get('find') ?? '' };
    if (this._find.value.trim() !== this.filter.find) this._find.value = this.filter.find;
    for (const { mood: each, link } of this._choices) {
      link.setAttribute('href', hashOf('wall', [], { mood: each, find: this.filter.find }));
      if (each === this.filter.mood) link.setAttribute('aria-current', 'true');
      else link.removeAttribute('aria-current');
    }
  }

  /** @param {import('./live-calls.js').LiveCalls} calls */
  count(calls) {
    /** @type {Record<string, number>} */
    const counts = { '': 0, [FRESH]: calls.freshCount() };
    for (const row of calls.rows.values()) {
      if (row.endedAt !== Infinity) continue;
      counts[''] += 1;
      counts[row.call.state ?? 'none'] = (counts[row.call.state ?? 'none'] ?? 0) + 1;
    }
    for (const { mood, count, link } of this._choices) {
      write(count, String(counts[mood] ?? 0));
      link.classList.toggle('zero', !counts[mood]);
    }
  }

  /**
   * @param {import('./live-calls.js').LiveRow} row
   * @param {boolean} fresh
   * @returns {boolean} whether it shall be shown
   */
  fits({ call }, fresh) {
    const { mood, find } = this.filter;
    if (mood === FRESH && !fresh) return false;
    if (mood && mood !== FRESH && call.state !== mood) return false;
    const sought = find.toLowerCase();
    return !sought || call.call_id.toLowerCase().includes(sought) || (call.agent_id ?? '').toLowerCase().includes(sought);
  }
}

/**
 * @param {string} mood
 * @param {string} word
 */
function choice(mood, word) {
  const count = make('b');
  const drawn = mood && mood !== FRESH ? [shape(mood)] : [];
  return { mood, count, link: make('a', { href: '#/wall', 'data-mood': mood }, [...drawn, make('span', {}, [word]), count]) };
}
