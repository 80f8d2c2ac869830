/** What the charts of the trends say, in words and numbers. */

import { percent } from './measures.js';
import { share, summed } from './trend-rows.js';
import { WORDS } from './view-words.js';

/** @typedef {import('./trend-rows.js').Place} Place */

/**
 * @param {string} title
 * @param {Place[]} places
 * @param {string[]} labels
 * @returns {string} a chart in one sentence
 */
export function saidOf(title, places, labels) {
  const rows = places.flatMap(({ row }) => (row ? [row] : []));
  const all = summed(rows);
  const told = labels.map((label) => `${label} ${percent(share(all, label))}`).join(', ');
  return WORDS.trends.chartSays(title, rows.length, told);
}

/**
 * @param {'daily'|'hourly'|'agent'} interval
 * @param {Place[]} places
 * @param {string[]} labels
 * @param {(name: string) => string} naming
 * @returns {{columns: import('./tables.js').Column[], rows: string[][]}} the table beside a chart
 */
export function tableOf(interval, places, labels, naming) {
  const words = WORDS.trends;
  const numbers = [...labels, words.upsetShare, words.unsureShare, words.readings, words.calls];
  const columns = [{ name: words[interval].column }, ...numbers.map((name) => ({ name, number: true }))];
  const told = places.filter((place) => place.row || place.few);
  return { columns, rows: told.map(({ name, row }) => [naming(name), ...(row ? cellsOf(row, labels) : numbers.map(() => words.few))]) };
}

/**
 * @param {import('./trend-rows.js').Metrics} row
 * @param {string[]} labels
 * @returns {string[]}
 */
function cellsOf(row, labels) {
  const felt = labels.map((label) => percent(share(row, label)));
  const unsure = row.total_segments ? row.uncertain / row.total_segments : 0;
  return [...felt, percent(row.upset_share), percent(unsure), row.total_segments.toLocaleString(), row.calls.toLocaleString()];
}
