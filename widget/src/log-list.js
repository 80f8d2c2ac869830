/** The list of recent readings, read from the server on request. */

import { make, makeButton, write } from './dom.js';

/**
 * A row of `GET /api/v1/logs`.
 * @typedef {import('./messages.js').EmotionMessage & {agent_id: string|null}} LoggedSegment
 */

const LIMIT = 20;

/** A region that the footer's button opens. */
export class LogList {
  /**
   * @param {() => Promise<{server: string, token: string}>} access
   * @param {import('./words/language.js').Language} language
   * @param {import('./correction-panel.js').CorrectionPanel} correction
   */
  constructor(access, language, correction) {
    this.correction = correction;
    this.access = access;
    this.language = language;
    const { text } = language;
    const refresh = make('button', { type: 'button', class: 'plain' }, [text.logRefresh]);
    refresh.addEventListener('click', () => void this.read());
    this.status = make('p', { class: 'status', role: 'status' });
    // Focusable, so that the keyboard can scroll it.
    this.rows = make('ul', { class: 'rows', tabindex: '0', 'aria-label': text.log });
    const header = make('header', {}, [make('h2', {}, [text.log]), refresh]);
    this.element = make('section', { class: 'log', id: 'log', part: 'log' }, [header, this.status, this.rows]);
    this.element.hidden = true;
    this.rows.hidden = true;
  }

  /** @param {boolean} open */
  show(open) {
    this.element.hidden = !open;
    if (open) void this.read();
  }

  /** Read the newest rows. */
  async read() {
    const { text } = this.language;
    this.#say(text.logLoading);
    try {
      const { server, token } = await this.access();
      const url = new URL(`api/v1/logs?limit=${LIMIT}`, server);
      const response = await fetch(url, { headers: { Authorization: `Bearer ${token}` }, cache: 'no-store' });
      if (!response.ok) throw new Error(`HTTP ${response.status}`);
      /** @type {{items: LoggedSegment[]}} */
      const { items } = await response.json();
      this.rows.replaceChildren(...items.map((row) => this.#drawRow(row)));
      this.rows.hidden = items.length === 0;
      this.#say(items.length === 0 ? text.logEmpty : '');
    } catch {
      this.rows.hidden = true;
      this.#say(text.logFailed);
    }
  }

  /** @param {string} text */
  #say(text) {
    this.status.hidden = text === '';
    write(this.status, text);
  }

  /**
   * @param {LoggedSegment} row
   * @returns {HTMLElement}
   */
  #drawRow(row) {
    const { language } = this;
    const { wrong, wrongAt } = language.text.correct;
    const time = language.time(new Date(row.timestamp));
    const dot = make('span', { class: row.uncertain ? 'dot unsure' : 'dot', 'data-emotion': row.detected_emotion });
    const label = language.fill(wrongAt, { time, emotion: language.named(row) });
    const doubt = makeButton(wrong, 'plain small', () => this.correction.open(row, [row], item, doubt), label);
    const who = make('span', { class: 'who', title: row.call_id }, [`${language.describe(row)} · ${row.call_id}`]);
    const item = make('li', {}, [make('time', { datetime: row.timestamp }, [time]), dot, who, doubt]);
    return item;
  }
}
