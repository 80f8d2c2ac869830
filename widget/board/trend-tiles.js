/** The few figures of a range that one looks at first. */

import { make } from '../src/dom.js';
import { percent } from './measures.js';
import { dayOfWeek } from './moments.js';
import { summed } from './trend-rows.js';
import { WORDS } from './view-words.js';

/** @typedef {import('./trend-rows.js').Place} Place */

/**
 * @param {Place[]} days
 * @param {Place[]} hours
 * @returns {HTMLElement[]} of what the charts show, and of nothing that they hide
 */
export function tilesOf(days, hours) {
  const words = WORDS.trends;
  const all = summed(days.flatMap(({ row }) => (row ? [row] : [])));
  const [day, hour] = [mostUpset(days), mostUpset(hours)];
  return [
    tile(words.readings, all.total_segments.toLocaleString()),
    tile(words.upsetShare, all.total_segments ? percent(all.upset_share) : WORDS.none, words.upsetMeans),
    tile(words.unsureShare, all.total_segments ? percent(all.uncertain / all.total_segments) : WORDS.none),
    tile(words.worstDay, day ? dayOfWeek(day.name) : WORDS.none, day?.row ? words.upsetOf(percent(day.row.upset_share)) : ''),
    tile(words.worstHour, hour ? words.hours(hour.name) : WORDS.none, hour?.row ? words.upsetOf(percent(hour.row.upset_share)) : ''),
  ];
}

/**
 * @param {Place[]} places
 * @returns {Place|undefined} where the largest share of readings was upset
 */
function mostUpset(places) {
  const shown = places.filter((place) => place.row?.upset_share);
  return shown.sort((one, other) => (other.row?.upset_share ?? 0) - (one.row?.upset_share ?? 0))[0];
}

/**
 * @param {string} name
 * @param {string} value
 * @param {string} [note]
 * @returns {HTMLElement}
 */
function tile(name, value, note = '') {
  const below = note ? [make('dd', { class: 'note' }, [note])] : [];
  return make('div', { class: 'tile' }, [make('dt', {}, [name]), make('dd', {}, [value]), ...below]);
}
