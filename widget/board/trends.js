/** Trends: how customers sounded, day by day, over the day, and on each agent's calls. */

import { make } from '../src/dom.js';
import { hashOf } from './router.js';
import { Standing, isAborted } from './states.js';
import { TrendCharts } from './trend-charts.js';
import { TrendFilters } from './trend-filters.js';
import { WORDS } from './view-words.js';

/**
 * @typedef {import('./trend-rows.js').Metrics} Metrics
 * @typedef {{daily: Metrics[], hourly: Metrics[], agents: Metrics[]}} Answers
 */

/**
 * @typedef {import('./context.js').View} View
 * @implements {View}
 */
export class TrendsView {
  title = WORDS.trends.title;

  /** @param {import('./context.js').Context} context */
  constructor({ api, go }) {
    this.api = api;
    this.filters = new TrendFilters((query) => go(hashOf('trends', [], query), { replace: true }));
    this.standing = new Standing();
    this.charts = new TrendCharts((interval) => void this.#export(interval));
    this.element = make('div', { class: 'view trends' }, [this.filters.element, this.standing.element, this.charts.element]);
    this.visit = new AbortController();
  }

  /**
   * @param {string[]} _path
   * @param {URLSearchParams} query
   */
  open(_path, query) {
    this.visit = new AbortController();
    this.filters.fill(query);
    this.charts.watch(this.visit.signal);
    void this.#read();
  }

  close() {
    this.visit.abort();
    this.charts.close();
  }

  async #read() {
    const { signal } = this.visit;
    this.element.setAttribute('aria-busy', 'true');
    this.standing.say(WORDS.loading);
    try {
      const answers = await this.#answers(signal);
      if (signal.aborted) return;
      this.#show(answers);
    } catch (error) {
      if (isAborted(error) || signal.aborted) return;
      this.charts.hide();
      this.standing.failed(error, () => void this.#read());
    }
    this.element.removeAttribute('aria-busy');
  }

  /**
   * @param {AbortSignal} signal
   * @returns {Promise<Answers>}
   */
  async #answers(signal) {
    const { agent_id, ...asked } = this.filters.asked();
    const ask = (/** @type {object} */ more) => this.api.get('/metrics/emotions', { ...asked, ...more }, signal);
    const [daily, hourly, agents] = await Promise.all([
      ask({ interval: 'daily', agent_id }),
      ask({ interval: 'hourly', agent_id }),
      ask({ interval: 'agent' }),
    ]);
    return { daily, hourly, agents };
  }

  /** @param {Answers} answers */
  #show(answers) {
    this.filters.know(answers.agents);
    if (answers.daily.length === 0) {
      this.charts.hide();
      this.standing.empty(WORDS.trends.emptyTitle, WORDS.trends.empty);
      return;
    }
    this.standing.say('');
    this.charts.show(answers, this.filters.range());
  }

  /** @param {'daily'|'hourly'|'agent'} interval */
  async #export(interval) {
    const { agent_id, ...asked } = this.filters.asked();
    const query = { ...asked, interval, agent_id: interval === 'agent' ? undefined : agent_id, format: 'csv' };
    const name = `undervoice-${interval}-${asked.start_date}-${asked.end_date}.csv`;
    try {
      await this.api.download('/metrics/emotions', query, name, this.visit.signal);
      this.standing.say('');
    } catch (error) {
      if (!isAborted(error)) this.standing.failed(error, () => void this.#export(interval));
    }
  }
}
