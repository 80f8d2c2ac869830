/** The three charts of the trends, their legend and the figures above them. */

import { make } from '../src/dom.js';
import { ordered, swatch } from './emotions.js';
import { Figure, button } from './figure.js';
import { longDay, shortDay } from './moments.js';
import { StackedChart } from './stacked-chart.js';
import { saidOf, tableOf } from './trend-tables.js';
import { tilesOf } from './trend-tiles.js';
import { byAgent, byDay, byHourOfDay, surelyEnough } from './trend-rows.js';
import { WORDS } from './view-words.js';

/**
 * @typedef {import('./trend-rows.js').Place} Place
 * @typedef {'daily'|'hourly'|'agent'} Interval
 * @typedef {object} Drawn
 * @property {Place[]} places
 * @property {(name: string) => string} naming on the axis
 * @property {(name: string) => string} naming_in_full in the table
 */

/** Pixels of one agent's bar, and of what stands below all of them. */
const [BAR, AXIS] = [34, 36];

export class TrendCharts {
  /** @param {(interval: Interval) => void} exported */
  constructor(exported) {
    const words = WORDS.trends;
    this.shares = false;
    /** @type {Set<string>} */
    this.left = new Set();
    /** @type {{daily: Drawn, hourly: Drawn, agent: Drawn}|null} */
    this.drawn = null;
    /** @type {string[]} */
    this.labels = [];
    const figure = (/** @type {Interval} */ interval) => {
      const made = new Figure(words[interval].title, () => exported(interval));
      return { figure: made, chart: new StackedChart(made.canvas) };
    };
    this.parts = { daily: figure('daily'), hourly: figure('hourly'), agent: figure('agent') };
    this.tiles = make('dl', { class: 'tiles' });
    this.legend = make('div', { class: 'legend', role: 'group', 'aria-label': words.legend });
    this.amounts = [[words.counts, false], [words.shares, true]].map(([name, shares]) =>
      button(String(name), () => this.#turn(Boolean(shares)), { 'aria-pressed': String(!shares) }));
    const amounts = make('div', { class: 'segmented', role: 'group', 'aria-label': words.amounts }, this.amounts);
    const bar = make('div', { class: 'keys' }, [this.legend, amounts]);
    const figures = Object.values(this.parts).map((part) => part.figure.element);
    this.element = make('div', { class: 'charts', hidden: '' }, [this.tiles, bar, ...figures]);
  }

  /**
   * @param {import('./trends.js').Answers} answers
   * @param {import('./trend-filters.js').Range} range
   */
  show({ daily, hourly, agents }, { start, end, zone }) {
    const least = surelyEnough([...daily, ...hourly, ...agents]);
    const hour = (/** @type {string} */ name) => `${name}:00`;
    const same = (/** @type {string} */ name) => name;
    this.drawn = {
      daily: { places: byDay(daily, start, end), naming: shortDay, naming_in_full: longDay },
      hourly: { places: byHourOfDay(hourly, least), naming: hour, naming_in_full: (name) => WORDS.trends.hourOf(name, zone) },
      agent: { places: byAgent(agents), naming: same, naming_in_full: same },
    };
    this.labels = ordered([...daily, ...agents].flatMap((row) => Object.keys(row.emotion_distribution)));
    this.tiles.replaceChildren(...tilesOf(this.drawn.daily.places, this.drawn.hourly.places));
    this.legend.replaceChildren(...this.labels.map((label) => this.#key(label)));
    this.element.hidden = false;
    this.#draw();
  }

  hide() {
    this.element.hidden = true;
    this.drawn = null;
    this.close();
  }

  close() {
    for (const { chart } of Object.values(this.parts)) chart.close();
  }

  /**
   * Draw anew where the page turns light or dark.
   * @param {AbortSignal} signal
   */
  watch(signal) {
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#draw(), { signal });
  }

  #draw() {
    if (!this.drawn) return;
    for (const [interval, { figure, chart }] of Object.entries(this.parts)) {
      const of = /** @type {Interval} */ (interval);
      const { places, naming, naming_in_full: full } = this.drawn[of];
      // What is hidden takes no room on an axis of names; days and hours keep theirs.
      const shown = of === 'agent' ? places.filter((place) => place.row) : places;
      const empty = shown.some((place) => place.row) ? '' : WORDS.trends.tooFew;
      const few = places.filter((place) => place.few).length;
      const note = [WORDS.trends[of].note, few && !empty ? WORDS.trends[of].hidden(few) : ''].filter(Boolean).join(' ');
      const tall = of === 'agent' ? shown.length * BAR + AXIS : undefined;
      figure.show({ said: saidOf(WORDS.trends[of].title, shown, this.labels), note, empty, tall, ...tableOf(of, places, this.labels, full) });
      if (empty) chart.close();
      // Agents had different numbers of calls, and more readings are no worse: their shares alone are compared.
      else chart.draw({ places: shown, labels: this.labels, left: this.left, naming, shares: of === 'agent' || this.shares, lying: of === 'agent' });
    }
  }

  /** @param {boolean} shares */
  #turn(shares) {
    this.shares = shares;
    this.amounts.forEach((each, place) => each.setAttribute('aria-pressed', String(Boolean(place) === shares)));
    this.#draw();
  }

  /**
   * @param {string} label
   * @returns {HTMLElement}
   */
  #key(label) {
    const key = make('button', { type: 'button', class: 'key', 'aria-pressed': String(!this.left.has(label)) }, [swatch(label, this.labels), label]);
    key.addEventListener('click', () => {
      if (!this.left.delete(label)) this.left.add(label);
      key.setAttribute('aria-pressed', String(!this.left.has(label)));
      this.#draw();
    });
    return key;
  }
}
