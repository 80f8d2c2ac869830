/** The strip of segments and its table twin for those who do not see it. */

import { make } from './dom.js';
import { WORDS, clock, letterOf, percent } from './strings.js';

/** @typedef {import('./messages.js').EmotionMessage} EmotionMessage */

/** One cell a segment: height is confidence, hue and letter are the emotion. */
export class Timeline {
  constructor() {
    this.strip = make('div', { class: 'strip', 'aria-hidden': 'true', part: 'timeline' });
    this.rows = make('tbody');
    const head = make('tr', {}, WORDS.columns.map((name) => make('th', { scope: 'col' }, [name])));
    const table = make('table', {}, [make('caption', {}, [WORDS.timeline]), make('thead', {}, [head]), this.rows]);
    this.element = make('div', {}, [this.strip, make('div', { class: 'sr' }, [table])]);
    this.drawn = '';
  }

  /** @param {EmotionMessage[]} cells */
  draw(cells) {
    const key = cells.map((cell) => `${cell.segment_id}${cell.final}${cell.end_offset_sec}`).join();
    if (key === this.drawn) return;
    this.drawn = key;
    this.strip.replaceChildren(...cells.map(drawCell));
    this.rows.replaceChildren(...cells.map(drawRow));
  }
}

/**
 * @param {EmotionMessage} reading
 * @returns {string} for example "angry 85 %"
 */
export function describe(reading) {
  const emotion = reading.uncertain ? WORDS.unsureNote : reading.detected_emotion;
  return `${emotion} ${percent(reading.confidence_score)}`;
}

/**
 * @param {EmotionMessage} cell
 * @returns {HTMLElement}
 */
function drawCell(cell) {
  const classes = ['cell', cell.final ? '' : 'open', cell.uncertain ? 'unsure' : ''];
  const letter = cell.uncertain ? '?' : letterOf(cell.detected_emotion, Object.keys(cell.all_emotions_confidence ?? {}));
  const attributes = {
    class: classes.filter(Boolean).join(' '),
    'data-emotion': cell.detected_emotion,
    'data-tenths': String(Math.round(cell.confidence_score * 10)),
    title: `${clock(cell.start_offset_sec)} ${describe(cell)}`,
  };
  return make('span', attributes, [make('b', {}, [letter])]);
}

/**
 * @param {EmotionMessage} cell
 * @returns {HTMLElement}
 */
function drawRow(cell) {
  const emotion = cell.uncertain ? WORDS.unsureNote : cell.detected_emotion;
  const named = cell.final ? emotion : `${emotion} (${WORDS.provisional})`;
  const texts = [clock(cell.start_offset_sec), clock(cell.end_offset_sec), named, percent(cell.confidence_score)];
  return make('tr', {}, texts.map((text) => make('td', {}, [text])));
}
