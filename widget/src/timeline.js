/** The strip of segments and its table twin for those who do not see it. */

import { make } from './dom.js';
import { letterOf } from './strings.js';

/**
 * @typedef {import('./messages.js').EmotionMessage} EmotionMessage
 * @typedef {import('./words/language.js').Language} Language
 */

/** One cell a segment: height is confidence, hue and letter are the emotion. */
export class Timeline {
  /** @param {Language} language */
  constructor(language) {
    this.language = language;
    const { columns, timeline } = language.text;
    this.strip = make('div', { class: 'strip', 'aria-hidden': 'true', part: 'timeline' });
    this.rows = make('tbody');
    const head = make('tr', {}, [columns.from, columns.to, columns.emotion, columns.confidence].map((name) => make('th', { scope: 'col' }, [name])));
    const table = make('table', {}, [make('caption', {}, [timeline]), make('thead', {}, [head]), this.rows]);
    this.element = make('div', { class: 'story' }, [this.strip, make('div', { class: 'sr' }, [table])]);
    this.drawn = '';
  }

  /** @param {EmotionMessage[]} cells */
  draw(cells) {
    const key = cells.map((cell) => `${cell.segment_id}${cell.final}${cell.end_offset_sec}`).join();
    if (key === this.drawn) return;
    this.drawn = key;
    this.strip.replaceChildren(...cells.map((cell) => drawCell(cell, this.language)));
    this.rows.replaceChildren(...cells.map((cell) => drawRow(cell, this.language)));
  }
}

/**
 * @param {EmotionMessage} cell
 * @param {Language} language
 * @returns {HTMLElement}
 */
function drawCell(cell, language) {
  const classes = ['cell', cell.final ? '' : 'open', cell.uncertain ? 'unsure' : ''];
  const letter = cell.uncertain ? '?' : letterOf(cell.detected_emotion, Object.keys(cell.all_emotions_confidence ?? {}), language.text.letters);
  const attributes = {
    class: classes.filter(Boolean).join(' '),
    'data-emotion': cell.detected_emotion,
    'data-tenths': String(Math.round(cell.confidence_score * 10)),
    title: `${language.clock(cell.start_offset_sec)} ${language.describe(cell)}`,
  };
  return make('span', attributes, [make('b', {}, [letter])]);
}

/**
 * @param {EmotionMessage} cell
 * @param {Language} language
 * @returns {HTMLElement}
 */
function drawRow(cell, language) {
  const emotion = language.named(cell);
  const named = cell.final ? emotion : `${emotion} (${language.text.provisional})`;
  const texts = [language.clock(cell.start_offset_sec), language.clock(cell.end_offset_sec), named, language.percent(cell.confidence_score)];
  return make('tr', {}, texts.map((text) => make('td', {}, [text])));
}
