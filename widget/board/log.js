/** The log: readings of all calls, the newest first, and those that come while one looks. */

import { make } from '../src/dom.js';
import { ordered } from './emotions.js';
import { button } from './figure.js';
import { Filters, NAME_PATTERN } from './filters.js';
import { Follower } from './follower.js';
import { LogRows } from './log-rows.js';
import { momentOf } from './moments.js';
import { hashOf } from './router.js';
import { Standing, isAborted } from './states.js';
import { WORDS } from './view-words.js';

const PAGE = 50;

/**
 * @typedef {import('./context.js').View} View
 * @implements {View}
 */
export class LogView {
  title = WORDS.log.title;

  /** @param {import('./context.js').Context} context */
  constructor({ api, go }) {
    const words = WORDS.log;
    this.api = api;
    this.filters = new Filters(words.filters, [
      { name: 'agent_id', label: words.agent, kind: 'text', pattern: NAME_PATTERN },
      { name: 'emotion', label: words.emotion, kind: 'select', options: [['', words.anyEmotion]] },
      { name: 'since', label: words.since, kind: 'datetime-local' },
      { name: 'until', label: words.until, kind: 'datetime-local' },
    ], (values) => go(hashOf('log', [], Object.fromEntries(values)), { replace: true }));
    this.following = button(words.follow, () => this.#follow(this.following.getAttribute('aria-pressed') !== 'true'), { 'aria-pressed': 'false' });
    this.exporting = button(WORDS.exportCsv, () => void this.#export());
    this.older = button(words.older, () => void this.#more(), { class: 'older' });
    this.standing = new Standing();
    this.rows = new LogRows();
    const bar = make('div', { class: 'controls' }, [this.filters.element, make('div', { class: 'acts' }, [this.following, this.exporting])]);
    this.element = make('div', { class: 'view log' }, [bar, this.standing.element, this.rows.element, this.older]);
    this.visit = new AbortController();
    this.cursor = '';
    this.mark = '';
    this.follower = new Follower((query, signal) => this.api.get('/logs', { ...query, ...this.#narrow() }, signal), {
      brought: (segments) => this.#brought(segments),
      failed: (error) => this.#stopped(error),
    });
  }

  /**
   * @param {string[]} _path
   * @param {URLSearchParams} query
   */
  open(_path, query) {
    this.visit = new AbortController();
    this.filters.fill(query);
    this.rows.clear();
    this.cursor = '';
    this.mark = '';
    void this.#learn();
    void this.#read();
  }

  close() {
    this.visit.abort();
    this.follower.stop();
  }

  /** Ask which emotions there are. Without an answer those in the log are offered. */
  async #learn() {
    const model = await this.api.get('/model', {}, this.visit.signal).catch(() => ({ labels: [] }));
    if (model.labels.length) this.#offer(model.labels);
  }

  /** @param {string[]} labels */
  #offer(labels) {
    this.filters.offer('emotion', [['', WORDS.log.anyEmotion], ...ordered(labels).map((each) => /** @type {[string, string]} */ ([each, each]))]);
  }

  /** Read the next page. */
  async #read() {
    const { signal } = this.visit;
    this.older.disabled = true;
    if (!this.rows.count) this.standing.say(WORDS.loading);
    try {
      const query = { limit: PAGE, cursor: this.cursor, ...this.#narrow(), ...this.#bounds() };
      /** @type {import('./records.js').SegmentPage} */
      const page = await this.api.get('/logs', query, signal);
      this.#show(page);
    } catch (error) {
      if (isAborted(error) || signal.aborted) return;
      this.standing.failed(error, () => void this.#read());
    }
    this.older.disabled = false;
  }

  /** Read older ones, and take the keyboard to the first of them. */
  async #more() {
    const before = this.rows.count;
    await this.#read();
    if (this.rows.count > before) this.rows.focus(before);
  }

  /** @param {import('./records.js').SegmentPage} page */
  #show({ items, next_cursor: cursor, follow }) {
    this.rows.add(items);
    this.cursor = cursor ?? '';
    this.mark = follow ?? this.mark;
    this.older.hidden = !cursor;
    this.#stand();
    const until = this.#bounds().until;
    this.following.disabled = Boolean(until && Date.parse(until) < Date.now());
    this.following.title = this.following.disabled ? WORDS.log.notFollowed : '';
    if (this.following.getAttribute('aria-pressed') === 'true') this.#follow(!this.following.disabled);
  }

  #stand() {
    if (this.rows.count) this.standing.say(this.follower.running ? WORDS.log.followed : '');
    else if ([...this.filters.values()].length) this.standing.empty(WORDS.log.noneTitle, WORDS.log.none);
    else this.standing.empty(WORDS.log.emptyTitle, WORDS.log.empty);
  }

  /** @param {boolean} on */
  #follow(on) {
    this.following.setAttribute('aria-pressed', String(on));
    if (on && this.mark) this.follower.start(this.mark, this.visit.signal);
    else this.follower.stop();
    this.#stand();
  }

  /** @param {import('./records.js').Segment[]} segments that were stored meanwhile */
  #brought(segments) {
    this.rows.add(segments, true);
    this.mark = this.follower.mark;
    if (segments.length) this.#stand();
  }

  /** @param {unknown} error */
  #stopped(error) {
    this.standing.failed(error, () => this.#follow(true));
  }

  async #export() {
    const query = { ...this.#narrow(), ...this.#bounds(), format: 'csv' };
    this.exporting.disabled = true;
    try {
      await this.api.download('/logs', query, 'undervoice-log.csv', this.visit.signal);
    } catch (error) {
      if (!isAborted(error)) this.standing.failed(error, () => void this.#export());
    }
    this.exporting.disabled = false;
  }

  #narrow() {
    const values = this.filters.values();
    return { agent_id: values.get('agent_id') ?? undefined, emotion: values.get('emotion') ?? undefined };
  }

  #bounds() {
    const values = this.filters.values();
    return { since: momentOf(values.get('since') ?? ''), until: momentOf(values.get('until') ?? '') };
  }
}
