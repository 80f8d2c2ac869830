/** Alerts: those of late over all calls, those that come, and the rules that raise them. */

import { make } from '../src/dom.js';
import { AlertList } from './alert-list.js';
import { button } from './figure.js';
import { Filters } from './filters.js';
import { hashOf } from './router.js';
import { RuleList } from './rule-list.js';
import { Standing, isAborted } from './states.js';
import { WORDS } from './view-words.js';

/**
 * @typedef {import('./context.js').LoggedAlert} LoggedAlert
 * @typedef {import('./records.js').Call} Call
 */

/** Calls with alerts that are read at a time. */
const CALLS = 30;

const words = WORDS.alerts;

/**
 * @typedef {import('./context.js').View} View
 * @implements {View}
 */
export class AlertsView {
  title = words.title;

  /** @param {import('./context.js').Context} context */
  constructor({ api, feed, go }) {
    this.api = api;
    this.feed = feed;
    const severities = Object.entries(WORDS.severities).reverse();
    this.filters = new Filters(words.filters, [
      { name: 'severity', label: words.severity, kind: 'select', options: [['', words.anySeverity], ...severities] },
      { name: 'rule', label: words.rule, kind: 'select', options: [['', words.anyRule]] },
    ], (values) => go(hashOf('alerts', [], Object.fromEntries(values)), { replace: true }));
    this.standing = new Standing();
    this.list = new AlertList();
    this.older = button(words.older, () => void this.#older(), { class: 'older' });
    this.rules = new RuleList();
    const recent = make('section', { 'aria-labelledby': 'alerts-recent' }, [
      make('h2', { id: 'alerts-recent' }, [words.recent]), this.filters.element, this.standing.element, this.list.element, this.older,
    ]);
    this.element = make('div', { class: 'view alerts' }, [recent, this.rules.element]);
    this.visit = new AbortController();
    this.unsubscribe = () => {};
    this.cursor = '';
  }

  /**
   * @param {string[]} _path
   * @param {URLSearchParams} query
   */
  open(_path, query) {
    this.visit = new AbortController();
    this.filters.fill(query);
    this.list.clear();
    this.cursor = '';
    this.older.hidden = true;
    void this.#read();
    void this.#rules();
    this.unsubscribe = this.feed.subscribe((event) => {
      if (event.type === 'alert') this.#add([event.alert], true);
    });
  }

  close() {
    this.visit.abort();
    this.unsubscribe();
  }

  async #read() {
    const { signal } = this.visit;
    if (!this.list.count) this.standing.say(WORDS.loading);
    try {
      const ask = (/** @type {object} */ more) => this.api.get('/calls', { alerts: true, limit: CALLS, ...more }, signal);
      // Calls that go on are not in the store yet.
      const pages = await Promise.all([ask({ cursor: this.cursor }), this.cursor ? { items: [] } : ask({ live: true })]);
      if (signal.aborted) return;
      this.cursor = pages[0].next_cursor ?? '';
      this.#add(pages.flatMap((page) => page.items.flatMap((/** @type {Call} */ call) => call.alerts)), false);
    } catch (error) {
      if (isAborted(error) || signal.aborted) return;
      this.standing.failed(error, () => void this.#read());
    }
  }

  async #older() {
    if (!this.list.hasMore && this.cursor) await this.#read();
    this.list.more();
    this.older.hidden = !this.list.hasMore && !this.cursor;
  }

  /**
   * @param {LoggedAlert[]} alerts
   * @param {boolean} fresh whether they came while one looks
   */
  #add(alerts, fresh) {
    const values = this.filters.values();
    const fits = (/** @type {LoggedAlert} */ alert) =>
      [values.get('severity') ?? alert.severity, values.get('rule') ?? alert.rule].join() === [alert.severity, alert.rule].join();
    this.list.add(alerts.filter(fits), fresh);
    this.older.hidden = !this.list.hasMore && !this.cursor;
    if (this.list.count) this.standing.say('');
    else if (values.size) this.standing.empty(words.noneTitle, words.none);
    else this.standing.empty(words.emptyTitle, words.empty);
  }

  async #rules() {
    const { signal } = this.visit;
    try {
      const { items } = await this.api.get('/rules', {}, signal);
      if (signal.aborted) return;
      this.filters.offer('rule', [['', words.anyRule], ...items.map((/** @type {{rule: string}} */ { rule }) => [rule, rule])]);
      this.rules.show(items);
    } catch (error) {
      if (!isAborted(error) && !signal.aborted) this.rules.failed(error);
    }
  }
}
