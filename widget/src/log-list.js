/** The list of recent readings, read from the server on request. */

import { make, write } from './dom.js';

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
   */
  constructor(access, language) {
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
      this.rows.replaceChildren(...items.map((row) => drawRow(row, this.language)));
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
}

/**
 * @param {LoggedSegment} row
 * @param {import('./words/language.js').Language} language
 * @returns {HTMLElement}
 */
function drawRow(row, language) {
  const dot = make('span', { class: row.uncertain ? 'dot unsure' : 'dot', 'data-emotion': row.detected_emotion });
  return make('li', {}, [
    make('time', { datetime: row.timestamp }, [language.time(new Date(row.timestamp))]),
    dot,
    make('span', { class: 'who', title: row.call_id }, [`${language.named(row)} · ${row.call_id}`]),
    language.percent(row.confidence_score),
  ]);
}
