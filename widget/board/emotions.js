/** Emotions as the views show them: hue, letter and word together, in one order everywhere. */

import { make } from '../src/dom.js';
import { letterOf } from '../src/strings.js';
import { percent } from './measures.js';
import { WORDS } from './view-words.js';

/** From calm to upset, so that what needs somebody stands together. */
const ORDER = ['neutral', 'happy', 'surprised', 'sad', 'fearful', 'disgusted', 'angry'];

/**
 * @param {Iterable<string>} labels of a model, or as they were counted
 * @returns {string[]} each once, those that are known first, in their order
 */
export function ordered(labels) {
  const all = [...new Set(labels)];
  const others = all.filter((label) => !ORDER.includes(label)).sort();
  return [...ORDER.filter((label) => all.includes(label)), ...others];
}

/**
 * @param {string} emotion
 * @param {string[]} labels all that there are
 * @param {boolean} [uncertain] the model abstains: no hue then, and a question mark
 * @returns {HTMLElement} hue and letter; the word stands beside it
 */
export function swatch(emotion, labels, uncertain = false) {
  const classes = uncertain ? 'swatch unsure' : 'swatch';
  const letter = uncertain ? '?' : letterOf(emotion, labels);
  return make('span', { class: classes, 'data-emotion': emotion, 'aria-hidden': 'true' }, [make('b', {}, [letter])]);
}

/**
 * @typedef {{detected_emotion: string, confidence_score: number, uncertain: boolean, all_emotions_confidence: Record<string, number>}} Felt
 *
 * @param {Felt} reading
 * @returns {string} for example "angry", or "unsure (angry?)"
 */
export function wordOf(reading) {
  return reading.uncertain ? WORDS.unsureOf(reading.detected_emotion) : reading.detected_emotion;
}

/**
 * @param {Felt} reading
 * @returns {string} for example "angry 85 %"
 */
export function wordAndShare(reading) {
  return `${wordOf(reading)} ${percent(reading.confidence_score)}`;
}

/**
 * @param {Felt} reading
 * @returns {HTMLElement} hue, letter and word
 */
export function emotionChip(reading) {
  const labels = Object.keys(reading.all_emotions_confidence);
  return make('span', { class: 'emotion' }, [swatch(reading.detected_emotion, labels, reading.uncertain), wordOf(reading)]);
}
