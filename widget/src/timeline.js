/** The strip of segments and its table twin for those who do not see it. */

import { make } from './dom.js';
import { letterOf } from './strings.js';

/**
 * @typedef {import('./corrections.js').Correction} Correction
 * @typedef {import('./messages.js').EmotionMessage} EmotionMessage
 * @typedef {import('./words/language.js').Language} Language
 */

/** One cell a segment: height is confidence, hue and letter are the emotion. */
export class Timeline {
  /**
   * @param {Language} language
   * @param {(cell: EmotionMessage) => void} pick what a click on a cell does
   */
  constructor(language, pick) {
    this.language = language;
    const { columns, timeline } = language.text;
    this.strip = make('div', { class: 'strip', 'aria-hidden': 'true', part: 'timeline' });
    this.rows = make('tbody');
    const head = make('tr', {}, [columns.from, columns.to, columns.emotion, columns.confidence].map((name) => make('th', { scope: 'col' }, [name])));
    const table = make('table', {}, [make('caption', {}, [timeline]), make('thead', {}, [head]), this.rows]);
    this.element = make('div', { class: 'story' }, [this.strip, make('div', { class: 'sr' }, [table])]);
    this.drawn = '';
    /** @type {EmotionMessage[]} */
    this.cells = [];
    // By pointer alone, which is quick; the button beside the reading leads to every one of them by keyboard too.
    this.strip.addEventListener('click', ({ target }) => {
      const at = [...this.strip.children].findIndex((each) => each.contains(/** @type {Node} */ (target)));
      if (this.cells[at]?.final) pick(this.cells[at]);
    });
  }

  /**
   * @param {EmotionMessage[]} cells
   * @param {Map<string, Correction>} corrected by segment
   */
  draw(cells, corrected) {
    const said = cells.map((cell) => correctionText(this.language, corrected.get(cell.segment_id)));
    const key = cells.map((cell, n) => `${cell.segment_id}${cell.final}${cell.end_offset_sec}${said[n]}`).join();
    if (key === this.drawn) return;
    this.drawn = key;
    this.cells = cells;
    this.strip.replaceChildren(...cells.map((cell, n) => drawCell(cell, said[n], this.language)));
    this.rows.replaceChildren(...cells.map((cell, n) => drawRow(cell, said[n], this.language)));
  }
}

/**
 * @param {EmotionMessage} cell
 * @param {string} said what the agent said against it
 * @param {Language} language
 * @returns {HTMLElement}
 */
function drawCell(cell, said, language) {
  const classes = ['cell', cell.final ? '' : 'open', cell.uncertain ? 'unsure' : '', said ? 'corrected' : ''];
  const letter = cell.uncertain ? '?' : letterOf(cell.detected_emotion, Object.keys(cell.all_emotions_confidence ?? {}), language.text.letters);
  const attributes = {
    class: classes.filter(Boolean).join(' '),
    'data-emotion': cell.detected_emotion,
    'data-tenths': String(Math.round(cell.confidence_score * 10)),
    title: `${language.clock(cell.start_offset_sec)} ${language.describe(cell)}${said && ` (${said})`}`,
  };
  return make('span', attributes, [make('b', {}, [letter])]);
}

/**
 * @param {EmotionMessage} cell
 * @param {string} said what the agent said against it
 * @param {Language} language
 * @returns {HTMLElement}
 */
function drawRow(cell, said, language) {
  const emotion = language.named(cell) + (said && ` (${said})`);
  const named = cell.final ? emotion : `${emotion} (${language.text.provisional})`;
  const texts = [language.clock(cell.start_offset_sec), language.clock(cell.end_offset_sec), named, language.percent(cell.confidence_score)];
  return make('tr', {}, texts.map((text) => make('td', {}, [text])));
}

/**
 * @param {Language} language
 * @param {Correction|undefined} correction
 * @returns {string} what the agent said, for example "you said: sad"; empty where that is nothing
 */
export function correctionText(language, correction) {
  const { correct } = language.text;
  if (!correction) return '';
  if (correction.upset === false) return language.fill(correct.said, { emotion: correct.notUpset });
  return correction.emotion ? language.fill(correct.said, { emotion: language.emotion(correction.emotion) }) : correct.doubted;
}
