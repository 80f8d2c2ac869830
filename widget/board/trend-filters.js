/** Which days, of which zone, on whose calls. */

import { make } from '../src/dom.js';
import { button } from './figure.js';
import { Filters } from './filters.js';
import { shifted, today } from './moments.js';
import { WORDS } from './view-words.js';

/** Days up to today that one press shows. */
const SPANS = [7, 30, 90];
const USUAL_SPAN = 30;

/** @typedef {{start: string, end: string, zone: string}} Range */

export class TrendFilters {
  /** @param {(query: Record<string, string|undefined>) => void} changed */
  constructor(changed) {
    const words = WORDS.trends;
    this.changed = changed;
    this.fields = new Filters(words.filters, [
      { name: 'start', label: words.from, kind: 'date' },
      { name: 'end', label: words.to, kind: 'date' },
      { name: 'agent_id', label: words.callsOf, kind: 'select', options: [['', words.allAgents]] },
      { name: 'tz', label: words.zone, kind: 'select', options: zones() },
    ], () => this.#narrowed());
    this.spans = SPANS.map((days) => button(words.lastDays(days), () => this.#last(days), { 'aria-pressed': 'false' }));
    const group = make('div', { class: 'segmented', role: 'group', 'aria-label': words.range }, this.spans);
    this.element = make('div', { class: 'controls' }, [group, this.fields.element]);
  }

  /** @param {URLSearchParams} query */
  fill(query) {
    const tz = query.get('tz') ?? ownZone();
    const last = Number(query.get('days') ?? (query.get('start') ? 0 : USUAL_SPAN));
    const end = query.get('end') ?? today(tz);
    const start = query.get('start') ?? shifted(end, 1 - (last || USUAL_SPAN));
    this.fields.fill(new URLSearchParams({ start, end, tz, agent_id: query.get('agent_id') ?? '' }));
    this.spans.forEach((each, place) => each.setAttribute('aria-pressed', String(SPANS[place] === last)));
  }

  /**
   * Offer the agents that are in an answer.
   * @param {import('./trend-rows.js').Metrics[]} rows
   */
  know(rows) {
    const names = rows.map((row) => row.agent_id ?? '').sort((one, other) => one.localeCompare(other));
    this.fields.offer('agent_id', [['', WORDS.trends.allAgents], ...names.map((name) => /** @type {[string, string]} */ ([name, name]))]);
  }

  /** @returns {Range} */
  range() {
    const values = this.fields.values();
    return { start: values.get('start') ?? '', end: values.get('end') ?? '', zone: values.get('tz') ?? 'UTC' };
  }

  /** @returns {{start_date: string, end_date: string, tz: string, agent_id: string|undefined}} as the server is asked */
  asked() {
    const { start, end, zone } = this.range();
    return { start_date: start, end_date: end, tz: zone, agent_id: this.fields.values().get('agent_id') ?? undefined };
  }

  /** @param {number} days */
  #last(days) {
    this.changed({ ...this.#others(), days: String(days) });
  }

  #narrowed() {
    const pressed = this.spans.findIndex((each) => each.getAttribute('aria-pressed') === 'true');
    const { start, end, zone } = this.range();
    const days = SPANS[pressed];
    // Of a span up to today only the zone and the agent were changed, unless its days were.
    const kept = days !== undefined && end === today(zone) && start === shifted(end, 1 - days);
    this.changed({ ...this.#others(), ...(kept ? { days: String(days) } : { start, end }) });
  }

  #others() {
    const { zone } = this.range();
    return { agent_id: this.fields.values().get('agent_id') ?? undefined, tz: zone === ownZone() ? undefined : zone };
  }
}

/** @returns {string} the reader's own */
function ownZone() {
  return Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC';
}

/** @returns {[string, string][]} */
function zones() {
  const all = new Set(['UTC', ownZone(), ...Intl.supportedValuesOf('timeZone')]);
  return [...all].map((name) => [name, name.replaceAll('_', ' ')]);
}
