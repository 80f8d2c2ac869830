/** The queue: who waits, in the order in which they are served, and what that order rests on. */

import { make, write } from '../src/dom.js';
import { ApiError } from './api.js';
import { AddCaller } from './queue-add.js';
import { QueueRow } from './queue-row.js';
import { ERRORS, QUEUE, duration } from './words.js';

/** How often it is asked who waits, while somebody looks. */
const AGAIN_MS = 3000;

/** @typedef {import('./context.js').View} View */

/** @implements {View} */
export class QueueView {
  /** @param {import('./context.js').Context} context */
  constructor({ api }) {
    this._api = api;
    this.title = QUEUE.title;
    /** @type {Map<string, QueueRow>} */
    this._rows = new Map();
    this._add = new AddCaller(api, () => void this._refresh());
    this._facts = make('p', { class: 'facts' });
    this._fault = make('div', { class: 'notice', role: 'alert', hidden: '' });
    this._done = make('p', { class: 'done', role: 'status' });
    this._body = make('div', { role: 'rowgroup', class: 'callers' });
    const heads = Object.entries(QUEUE.columns).map(([name, text]) => make('div', { role: 'columnheader', class: name }, [text]));
    this._table = make('div', { role: 'table', class: 'queue', 'aria-label': QUEUE.table, hidden: '' }, [
      make('div', { role: 'rowgroup', class: 'heads' }, [make('div', { role: 'row', class: 'head' }, heads)]), this._body,
    ]);
    this._empty = make('div', { class: 'empty' }, [make('p', {}, [QUEUE.loading])]);
    this._formula = make('p');
    const how = make('details', { class: 'how' }, [make('summary', {}, [QUEUE.how]), this._formula, make('p', {}, [QUEUE.hint])]);
    this.element = make('div', { class: 'queue-view' }, [
      this._facts, this._add.element, this._fault, this._done, this._table, this._empty, how,
    ]);
    /** @type {AbortController|null} */
    this._asking = null;
    this._timer = 0;
    this._looked = () => void (document.hidden || this._refresh());
  }

  /** @param {string[]} _path @param {URLSearchParams} _query */
  open(_path, _query) {
    this._isOpen = true;
    document.addEventListener('visibilitychange', this._looked);
    void this._refresh();
  }

  close() {
    this._isOpen = false;
    document.removeEventListener('visibilitychange', this._looked);
    clearTimeout(this._timer);
    this._asking?.abort();
    this._add.close();
    write(this._done, '');
  }

  async _refresh() {
    this._asking?.abort();
    clearTimeout(this._timer);
    const asking = (this._asking = new AbortController());
    try {
      this._paint(await this._api.get('/queue', {}, asking.signal));
      this._fault.hidden = true;
    } catch (error) {
      if (!asking.signal.aborted) this._fail(error);
    }
    if (asking.signal.aborted || !this._isOpen) return;
    this._timer = setTimeout(() => document.hidden || void this._refresh(), AGAIN_MS);
  }

  /** @param {unknown} error */
  _fail(error) {
    const stale = this._rows.size ? ` ${QUEUE.stale}` : '';
    this._fault.replaceChildren(make('p', {}, [`${error instanceof ApiError ? error.message : ERRORS.unknown}${stale}`]));
    this._fault.hidden = false;
    if (!this._rows.size) this._empty.hidden = true;
  }

  /** @param {import('./context.js').WaitingPage} page */
  _paint(page) {
    write(this._facts, this._factsOf(page).join(' '));
    write(this._formula, QUEUE.formula(page.weights));
    const most = Math.max(...page.items.map((caller) => caller.priority), 1);
    const gone = new Set(this._rows.keys());
    page.items.forEach((caller, place) => {
      gone.delete(caller.call_id);
      const row = this._row(caller.call_id);
      row.paint(caller, page.weights, most);
      this._put(row.element, place);
    });
    for (const id of gone) this._drop(id);
    this._table.hidden = page.items.length === 0;
    this._empty.hidden = page.items.length > 0;
    if (!page.items.length) this._empty.replaceChildren(make('h2', {}, [QUEUE.empty]), make('p', {}, [QUEUE.emptyMore]));
  }

  /** @param {import('./context.js').WaitingPage} page @returns {string[]} sentences */
  _factsOf({ waiting, items, bound, service_sec: every, services }) {
    const front = waiting > items.length ? [QUEUE.front(items.length)] : [];
    const pace = every === null ? QUEUE.noPace(services) : QUEUE.pace(duration(every), services);
    return waiting ? [`${QUEUE.lead(waiting)}.`, ...front, QUEUE.bound(bound), pace] : [QUEUE.bound(bound)];
  }

  /** @param {string} id @returns {QueueRow} */
  _row(id) {
    const row = this._rows.get(id) ?? new QueueRow(id, (callId, reason) => void this._leave(callId, reason));
    this._rows.set(id, row);
    return row;
  }

  /**
   * Move a row only where it stands elsewhere, and keep the focus that it has.
   * @param {HTMLElement} element
   * @param {number} place
   */
  _put(element, place) {
    const there = this._body.children[place] ?? null;
    if (there === element) return;
    const focused = element.contains(document.activeElement) ? document.activeElement : null;
    this._body.insertBefore(element, there);
    if (focused instanceof HTMLElement) focused.focus({ preventScroll: true });
  }

  /** @param {string} id */
  _drop(id) {
    const row = this._rows.get(id);
    const focused = row?.element.contains(document.activeElement);
    row?.element.remove();
    this._rows.delete(id);
    // Whoever served one by the keyboard goes on with the next.
    if (focused) this._body.querySelector('button')?.focus();
  }

  /**
   * @param {string} id
   * @param {import('./queue-row.js').Reason} reason
   */
  async _leave(id, reason) {
    try {
      await this._api.send('DELETE', `/queue/${encodeURIComponent(id)}?reason=${reason}`);
      write(this._done, QUEUE[reason](id));
    } catch (error) {
      const gone = error instanceof ApiError && error.code === 'unknown_caller';
      write(this._done, gone ? QUEUE.gone(id) : error instanceof ApiError ? error.message : ERRORS.unknown);
    }
    if (this._isOpen) void this._refresh();
  }
}
