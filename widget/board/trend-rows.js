/** What the rows of `GET /metrics/emotions` say, made ready to be drawn. Pure. */

import { daysBetween } from './moments.js';

/**
 * A row of an answer: one day, one hour, or one agent's customers.
 * @typedef {object} Metrics
 * @property {string} [date] YYYY-MM-DD
 * @property {string} [hour] its beginning, in the zone that was asked for
 * @property {string} [agent_id]
 * @property {number} total_segments
 * @property {Record<string, number>} emotion_distribution
 * @property {number} uncertain
 * @property {number} average_confidence
 * @property {string|null} peak_emotion_time
 * @property {number} upset_share
 * @property {number} calls
 * @property {boolean} enough whether it rests on enough calls to be shown
 *
 * A place on a chart's axis. Without `row` nothing may or can be shown there.
 * @typedef {{name: string, row: Metrics|null, few: boolean}} Place
 */

/**
 * @param {Metrics[]} rows by day
 * @param {string} first YYYY-MM-DD
 * @param {string} last inclusive
 * @returns {Place[]} one for each day of the range
 */
export function byDay(rows, first, last) {
  const known = new Map(rows.map((row) => [row.date ?? '', row]));
  return daysBetween(first, last).map((day) => placed(day, known.get(day)));
}

/**
 * @param {Metrics[]} rows by hour of the calendar
 * @param {number} least calls that a figure must rest on
 * @returns {Place[]} one for each hour of the day, 00 to 23
 */
export function byHourOfDay(rows, least) {
  /** @type {Map<string, Metrics[]>} */
  const hours = new Map();
  for (const row of rows) {
    const hour = (row.hour ?? '').slice(11, 13);
    hours.set(hour, [...(hours.get(hour) ?? []), row]);
  }
  return Array.from({ length: 24 }, (_, hour) => String(hour).padStart(2, '0')).map((hour) => {
    const found = hours.get(hour);
    // A call that is heard in the same hour of two days lasts a day, so calls add up.
    const sums = found && summed(found);
    return placed(hour, sums && { ...sums, enough: sums.calls >= least });
  });
}

/**
 * @param {Metrics[]} rows by agent
 * @returns {Place[]} in alphabetical order, and never by what was felt
 */
export function byAgent(rows) {
  const named = rows.map((row) => placed(row.agent_id ?? '', row));
  return named.sort((one, other) => one.name.localeCompare(other.name));
}

/**
 * The server marks its own rows as resting on enough calls, but does not say how many that is. What it called enough
 * bounds it from above, so nothing is shown here that it would have hidden.
 * @param {Metrics[]} rows of any kind
 * @returns {number} calls that are surely enough; infinite where none were
 */
export function surelyEnough(rows) {
  return Math.min(...rows.filter((row) => row.enough).map((row) => row.calls));
}

/**
 * @param {Metrics[]} rows
 * @returns {Metrics} of all that they count, with calls added up
 */
export function summed(rows) {
  const total = rows.reduce((sum, row) => sum + row.total_segments, 0);
  const mean = (/** @type {(row: Metrics) => number} */ of) =>
    total ? rows.reduce((sum, row) => sum + of(row) * row.total_segments, 0) / total : 0;
  /** @type {Record<string, number>} */
  const emotions = {};
  for (const row of rows) {
    for (const [emotion, count] of Object.entries(row.emotion_distribution)) emotions[emotion] = (emotions[emotion] ?? 0) + count;
  }
  return {
    total_segments: total,
    emotion_distribution: emotions,
    uncertain: rows.reduce((sum, row) => sum + row.uncertain, 0),
    average_confidence: mean((row) => row.average_confidence),
    peak_emotion_time: null,
    upset_share: mean((row) => row.upset_share),
    calls: rows.reduce((sum, row) => sum + row.calls, 0),
    enough: rows.length > 0,
  };
}

/**
 * @param {Metrics} row
 * @param {string} emotion
 * @returns {number} 0…1
 */
export function share(row, emotion) {
  return row.total_segments ? (row.emotion_distribution[emotion] ?? 0) / row.total_segments : 0;
}

/**
 * @param {string} name
 * @param {Metrics|undefined} row
 * @returns {Place}
 */
function placed(name, row) {
  return { name, row: row?.enough ? row : null, few: Boolean(row && !row.enough) };
}
