/** A chart with its heading, what must be known to read it, its table, and its rows to take away. */

import { make } from '../src/dom.js';
import { scrollable, table } from './tables.js';
import { WORDS } from './view-words.js';

/**
 * @typedef {object} Shown
 * @property {string} said the chart in one sentence, for those who do not see it
 * @property {string} note what must be known to read it
 * @property {string} [empty] why there is nothing to draw; the chart is hidden then
 * @property {import('./tables.js').Column[]} columns
 * @property {string[][]} rows of the table
 * @property {number} [tall] of the chart, in pixels
 */

let made = 0;

export class Figure {
  /**
   * @param {string} title
   * @param {(() => void)} [exported] what the button that exports does
   */
  constructor(title, exported) {
    this.title = title;
    made += 1;
    const id = `figure-${made}`;
    this.canvas = make('canvas', { role: 'img' });
    this.frame = make('div', { class: 'chart' }, [this.canvas]);
    this.note = make('p', { class: 'note' });
    this.empty = make('p', { class: 'bare', hidden: '' });
    this.table = make('details', { class: 'twin' }, [make('summary', {}, [WORDS.asTable])]);
    const head = make('header', {}, [make('h2', { id }, [title])]);
    if (exported) head.append(button(WORDS.exportCsv, exported, { 'aria-label': WORDS.exportOf(title) }));
    this.element = make('section', { class: 'figure', 'aria-labelledby': id }, [head, this.note, this.frame, this.empty, this.table]);
  }

  /** @param {Shown} shown */
  show({ said, note, empty, columns, rows, tall }) {
    this.note.textContent = note;
    this.empty.textContent = empty ?? '';
    this.empty.hidden = !empty;
    this.frame.hidden = this.table.hidden = Boolean(empty);
    this.canvas.setAttribute('aria-label', said);
    if (tall) this.frame.style.setProperty('--tall', `${tall}px`);
    this.table.lastElementChild?.matches('.scrollable') && this.table.lastElementChild.remove();
    this.table.append(scrollable(this.title, table(this.title, columns, rows)));
  }
}

/**
 * @param {string} name
 * @param {() => void} act
 * @param {Record<string, string>} [attributes]
 * @returns {HTMLButtonElement}
 */
export function button(name, act, attributes = {}) {
  const element = make('button', { type: 'button', ...attributes }, [name]);
  element.addEventListener('click', act);
  return element;
}
