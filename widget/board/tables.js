/** Tables: beside every chart, and wherever there are rows. */

import { make } from '../src/dom.js';
import { WORDS } from './view-words.js';

/**
 * @typedef {object} Column
 * @property {string} name
 * @property {boolean} [number] whether it stands to the right
 */

/**
 * @param {string} caption
 * @param {Column[]} columns the first one names the row
 * @param {(string|Node)[][]} rows
 * @returns {HTMLTableElement}
 */
export function table(caption, columns, rows) {
  const heads = columns.map((column) => make('th', { scope: 'col', role: 'columnheader', ...aligned(column) }, [column.name]));
  // The roles are said, since on a phone rows are laid out as cards, and browsers then forget them.
  return make('table', { class: 'rows', role: 'table' }, [
    make('caption', { class: 'sr' }, [caption]),
    make('thead', { role: 'rowgroup' }, [make('tr', { role: 'row' }, heads)]),
    make('tbody', { role: 'rowgroup' }, rows.map((cells) => tableRow(columns, cells))),
  ]);
}

/**
 * @param {Column[]} columns
 * @param {(string|Node)[]} cells one for each column
 * @returns {HTMLTableRowElement}
 */
export function tableRow(columns, cells) {
  return make('tr', { role: 'row' }, cells.map((cell, place) => {
    const attributes = { ...aligned(columns[place]), 'data-name': columns[place]?.name ?? '' };
    return place === 0 ? make('th', { scope: 'row', role: 'rowheader', ...attributes }, [cell]) : make('td', { role: 'cell', ...attributes }, [cell]);
  }));
}

/**
 * A table may be wider than its place: then it is scrolled, also by the keyboard.
 * @param {string} name of the table; what is around it may have the same
 * @param {HTMLTableElement} inner
 * @returns {HTMLElement}
 */
export function scrollable(name, inner) {
  return make('div', { class: 'scrollable', role: 'region', 'aria-label': WORDS.tableOf(name), tabindex: '0' }, [inner]);
}

/**
 * @param {Column} [column]
 * @returns {Record<string, string>}
 */
function aligned(column) {
  return column?.number ? { class: 'number' } : {};
}
