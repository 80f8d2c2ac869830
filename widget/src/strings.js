/** The element's states, and how emotions are shown in the room of one letter. The words are in `words/`. */

import { en } from './words/en.js';

/**
 * The states of the element. Those without a running call besides `idle` and `ended` are failures.
 * @typedef {'idle'|'connecting'|'blocked'|'listening'|'paused'|'reconnecting'|'stopping'|'ended'|import('./failure.js').FailureState} State
 */

/**
 * A label that is not one of the seven gets the first letter of its name that no other label has.
 * @param {string} emotion
 * @param {string[]} labels all that the model knows
 * @param {Record<string, string>} [letters] of the labels that a language names; English unless told
 * @returns {string} the emotion's letter in the strip
 */
export function letterOf(emotion, labels, letters = en.letters) {
  if (letters[emotion]) return letters[emotion];
  const taken = new Set(labels.map((label) => letters[label]));
  for (const label of [...labels.filter((each) => !letters[each]), emotion]) {
    const letter = [...label.toUpperCase()].find((each) => /[\p{L}\p{N}]/u.test(each) && !taken.has(each)) ?? '·';
    if (label === emotion) return letter;
    taken.add(letter);
  }
  return '·';
}

/**
 * For pages in English alone; the element asks its `Language`.
 * @param {number} seconds of the call
 * @returns {string} mm:ss
 */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  return `${String(Math.floor(whole / 60)).padStart(2, '0')}:${String(whole % 60).padStart(2, '0')}`;
}

/**
 * For pages in English alone; the element asks its `Language`.
 * @param {number} share 0…1
 * @returns {string}
 */
export function percent(share) {
  return `${Math.round(share * 100)}%`;
}
