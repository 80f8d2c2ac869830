/** Dates and times as people read them, and days as the server's queries name them. */

const DAY_MS = 24 * 60 * 60 * 1000;

/**
 * @param {string} timestamp RFC 3339
 * @returns {string} day and time in the reader's own zone, to the second
 */
export function dayAndTime(timestamp) {
  return new Date(timestamp).toLocaleString([], { dateStyle: 'medium', timeStyle: 'medium' });
}

/**
 * @param {string} timestamp RFC 3339
 * @returns {string} the time in the reader's own zone, with the day where that is not today
 */
export function timeOrDay(timestamp) {
  const when = new Date(timestamp);
  if (when.toDateString() === new Date().toDateString()) return when.toLocaleTimeString();
  return when.toLocaleString([], { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', second: '2-digit' });
}

/**
 * @param {string} day YYYY-MM-DD
 * @returns {string} for example "21 Nov"
 */
export function shortDay(day) {
  return new Date(`${day}T00:00Z`).toLocaleDateString([], { day: 'numeric', month: 'short', timeZone: 'UTC' });
}

/**
 * @param {string} day YYYY-MM-DD
 * @returns {string} for example "Saturday, 21 November 2026"
 */
export function longDay(day) {
  const shape = /** @type {const} */ ({ weekday: 'long', day: 'numeric', month: 'long', year: 'numeric', timeZone: 'UTC' });
  return new Date(`${day}T00:00Z`).toLocaleDateString([], shape);
}

/**
 * @param {string} day YYYY-MM-DD
 * @returns {string} for example "Sat, 21 Nov"
 */
export function dayOfWeek(day) {
  return new Date(`${day}T00:00Z`).toLocaleDateString([], { weekday: 'short', day: 'numeric', month: 'short', timeZone: 'UTC' });
}

/**
 * @param {string} zone an IANA name
 * @param {Date} now
 * @returns {string} the day that it is there, YYYY-MM-DD
 */
export function today(zone, now = new Date()) {
  const parts = new Intl.DateTimeFormat('en', { timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit' }).formatToParts(now);
  const part = (/** @type {string} */ type) => parts.find((each) => each.type === type)?.value ?? '';
  return `${part('year')}-${part('month')}-${part('day')}`;
}

/**
 * @param {string} day YYYY-MM-DD
 * @param {number} by days, also negative
 * @returns {string}
 */
export function shifted(day, by) {
  return new Date(Date.parse(`${day}T00:00Z`) + by * DAY_MS).toISOString().slice(0, 10);
}

/**
 * @param {string} first YYYY-MM-DD
 * @param {string} last inclusive
 * @returns {string[]} every day of a range; none where it ends before it begins
 */
export function daysBetween(first, last) {
  const count = Math.round((Date.parse(`${last}T00:00Z`) - Date.parse(`${first}T00:00Z`)) / DAY_MS) + 1;
  return Array.from({ length: Math.max(0, count) }, (_, place) => shifted(first, place));
}

/**
 * The value of a `datetime-local` field names a moment of the reader's own zone.
 * @param {string} local for example "2026-11-21T14:00"; may be empty
 * @returns {string|undefined} the same moment in UTC, RFC 3339
 */
export function momentOf(local) {
  const at = Date.parse(local);
  return Number.isNaN(at) ? undefined : new Date(at).toISOString();
}
