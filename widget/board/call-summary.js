/** How a call went, in sentences. */

import { make } from '../src/dom.js';
import { clock, duration, percent } from './measures.js';
import { shape } from './svg.js';
import { WORDS } from './view-words.js';

/** @typedef {import('./records.js').Call} Call */

/**
 * @param {Call} call
 * @returns {HTMLElement}
 */
export function summarySection(call) {
  const told = [...standing(call), ...course(call)];
  const list = make('ul', { class: 'told' }, told.map((text) => make('li', {}, [text])));
  return make('section', { class: 'card' }, [make('h2', {}, [call.live ? WORDS.call.soFar : WORDS.call.summary]), list]);
}

/**
 * @param {Call} call
 * @returns {HTMLElement} its mood in a word: now, or as it ended
 */
export function headline({ live, mood, summary }) {
  const state = summary?.ended_as ?? mood?.state;
  if (!state) return make('p', { class: 'mood' }, [WORDS.call.noReadings]);
  const word = WORDS.moods[state];
  return make('p', { class: 'mood', 'data-mood': state }, [shape(state), live ? word : WORDS.call.endedAs(word)]);
}

/** @param {Call} call */
function* standing({ mood, summary }) {
  if (mood && !mood.upset_sec) yield WORDS.call.neverUpset;
  if (mood?.upset_sec) yield WORDS.call.upsetFor(duration(mood.upset_sec));
  if (mood?.upset_sec && summary) yield WORDS.call.upsetShare(percent(summary.upset_share));
  if (summary?.peak) yield WORDS.call.peak(clock(summary.peak.offset_sec), Math.round(summary.peak.upset_score * 100));
}

/** @param {Call} call */
function* course({ summary }) {
  if (!summary) return;
  const turns = (summary.course ?? []).map(({ offset_sec, state }) => WORDS.call.turn(WORDS.moods[state].toLowerCase(), clock(offset_sec)));
  if (turns.length) yield WORDS.call.course(turns.join(', '));
  if (summary.turned_sec != null) yield WORDS.call.turned(clock(summary.turned_sec));
  for (const { rule, offset_sec, recovered_sec } of summary.helped ?? []) {
    yield WORDS.call.helped(rule, clock(offset_sec), clock(recovered_sec));
  }
}
