/** The language of one element: which table of words holds, and how it writes numbers. */

import { en } from './en.js';

/**
 * @typedef {import('./en.js').Words} Words
 * @typedef {import('../messages.js').EmotionMessage} EmotionMessage
 */

/**
 * Some of the words, the others stay as they are.
 * @template T
 * @typedef {T extends string ? string : {[Key in keyof T]?: Some<T[Key]>}} Some
 */

/** Tables by language, without region; those besides English come over the wire when they are first wanted. @type {Record<string, Words>} */
const TABLES = { en };

/** @type {Record<string, () => Promise<Words>>} */
const ELSEWHERE = {
  de: async () => (await import('./de.js')).de,
  es: async () => (await import('./es.js')).es,
};

/** What is shown, in one language. It never changes: in another language the parts are made anew. */
export class Language {
  #numbers;
  #percents;
  #digits;
  #plurals;

  /**
   * @param {string} tag BCP 47; English where its table is not here and there are no own words
   * @param {Some<Words>} [own] words that take the place of the table's
   */
  constructor(tag, own = {}) {
    const table = TABLES[primary(tag)];
    this.tag = table || Object.keys(own).length > 0 ? tag : 'en';
    /** @type {Words} */
    this.text = merge(table ?? en, own);
    this.#numbers = new Intl.NumberFormat(this.tag);
    this.#percents = new Intl.NumberFormat(this.tag, { style: 'percent', maximumFractionDigits: 0 });
    this.#digits = new Intl.NumberFormat(this.tag, { minimumIntegerDigits: 2, useGrouping: false });
    this.#plurals = new Intl.PluralRules(this.tag);
  }

  /**
   * @param {number} value
   * @returns {string}
   */
  number(value) {
    return this.#numbers.format(value);
  }

  /**
   * @param {number} share 0…1
   * @returns {string} for example "85%", in German "85 %"
   */
  percent(share) {
    return this.#percents.format(share);
  }

  /**
   * @param {number} seconds of the call
   * @returns {string} mm:ss
   */
  clock(seconds) {
    const whole = Math.max(0, Math.floor(seconds));
    return `${this.#digits.format(Math.floor(whole / 60))}:${this.#digits.format(whole % 60)}`;
  }

  /**
   * @param {Date} moment
   * @returns {string} the time of day
   */
  time(moment) {
    return moment.toLocaleTimeString(this.tag);
  }

  /**
   * @param {string} pattern with `{name}` where a value goes
   * @param {Record<string, string>} values
   * @returns {string}
   */
  fill(pattern, values) {
    return pattern.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
  }

  /**
   * @param {number} n
   * @param {Record<string, string>} forms by `Intl.PluralRules`, with `{n}` for the number
   * @returns {string} for example "3 readings"
   */
  count(n, forms) {
    return this.fill(forms[this.#plurals.select(n)] ?? forms.other, { n: this.number(n) });
  }

  /**
   * @param {string} label the model's
   * @returns {string} what this language calls it
   */
  emotion(label) {
    return /** @type {Record<string, string>} */ (this.text.emotions)[label] ?? label;
  }

  /**
   * @param {EmotionMessage} reading
   * @returns {string} its emotion, or that the model abstains
   */
  named(reading) {
    return reading.uncertain ? this.text.unsureNote : this.emotion(reading.detected_emotion);
  }

  /**
   * @param {EmotionMessage} reading
   * @returns {string} for example "angry 85%"
   */
  describe(reading) {
    return `${this.named(reading)} ${this.percent(reading.confidence_score)}`;
  }

  /**
   * @param {number} confidence 0…1
   * @returns {string} confidence as a word, so that the number need not be judged at a glance
   */
  confidence(confidence) {
    const { clear, likely, faint } = this.text.confidence;
    if (confidence >= 0.8) return clear;
    return confidence >= 0.55 ? likely : faint;
  }
}

/**
 * The first language that there is a table of, or own words: the element's own or the nearest ancestor's `lang`, then
 * the reader's languages, then English.
 * @param {Element} element
 * @param {Some<Words>} own
 * @returns {string} its tag
 */
export function languageOf(element, own) {
  const given = nearest(element);
  if (Object.keys(own).length > 0 && isTag(given)) return given;
  const known = (/** @type {string} */ tag) => isTag(tag) && (primary(tag) in TABLES || primary(tag) in ELSEWHERE);
  return [given, ...navigator.languages].find(known) ?? 'en';
}

/**
 * @param {string} tag
 * @returns {boolean} whether its table has still to be fetched
 */
export function isElsewhere(tag) {
  return primary(tag) in ELSEWHERE && !(primary(tag) in TABLES);
}

/**
 * Fetch a language's table; where it cannot be had, English stays until it is tried again.
 * @param {string} tag
 */
export async function fetchWords(tag) {
  const name = primary(tag);
  try {
    TABLES[name] = await ELSEWHERE[name]();
  } catch {
    console.warn(`undervoice-meter: no words for ${name}`);
  }
}

/**
 * @param {Element} element
 * @returns {string} the `lang` that holds for it, also through shadow roots; empty where there is none
 */
function nearest(element) {
  for (let at = /** @type {Element|undefined} */ (element); at; ) {
    const found = at.closest('[lang]');
    if (found) return found.getAttribute('lang') ?? '';
    const root = at.getRootNode();
    at = root instanceof ShadowRoot ? root.host : undefined;
  }
  return '';
}

/**
 * @param {string} tag
 * @returns {string} its language without script and region
 */
function primary(tag) {
  return tag.split('-')[0].toLowerCase();
}

/**
 * @param {string} tag
 * @returns {boolean} whether browsers take it for the name of a language
 */
function isTag(tag) {
  try {
    return Intl.getCanonicalLocales(tag).length === 1;
  } catch {
    return false;
  }
}

/**
 * @template T
 * @param {T} table
 * @param {Some<T>} own
 * @returns {T} the table with own words in their places, and with what it lacks: more plural forms, more labels
 */
function merge(table, own) {
  const merged = /** @type {Record<string, any>} */ ({ ...table });
  for (const [key, value] of Object.entries(own)) {
    const there = merged[key];
    if (typeof value === 'object' && typeof there === 'object') merged[key] = merge(there, value);
    else if (typeof value === 'string' && typeof there !== 'object') merged[key] = value;
  }
  return /** @type {T} */ (merged);
}
