/** The list of recent readings, read from the server on request. */

import { make, write } from './dom.js';
import { WORDS, percent } from './strings.js';

/**
 * A row of `GET /api/v1/logs`.
 * @typedef {import('./messages.js').EmotionMessage & {agent_id: string|null}} LoggedSegment
 */

const LIMIT = 20;

/** A region that the footer's button opens. */
export class LogList {
  /** @param {() => Promise<{server: string, token: string}>} access */
  constructor(access) {
    this.access = access;
    const refresh = make('button', { type: 'button', class: 'plain' }, [WORDS.logRefresh]);
    refresh.addEventListener('click', () => void this.read());
    this.status = make('p', { class: 'status', role: 'status' });
    // Focusable, so that the keyboard can scroll it.
    this.rows = make('ul', { class: 'rows', tabindex: '0', 'aria-label': WORDS.log });
    const header = make('header', {}, [make('h2', {}, [WORDS.log]), refresh]);
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
    this.#say(WORDS.logLoading);
    try {
      const { server, token } = await this.access();
      const url = new URL(`api/v1/logs?limit=${LIMIT}`, server);
      const response = await fetch(url, { headers: { Authorization: `Bearer ${token}` }, cache: 'no-store' });
      if (!response.ok) throw new Error(`HTTP ${response.status}`);
      /** @type {{items: LoggedSegment[]}} */
      const { items } = await response.json();
      this.rows.replaceChildren(...items.map(drawRow));
      this.rows.hidden = items.length === 0;
      this.#say(items.length === 0 ? WORDS.logEmpty : '');
    } catch {
      this.rows.hidden = true;
      this.#say(WORDS.logFailed);
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
 * @returns {HTMLElement}
 */
function drawRow(row) {
  const when = new Date(row.timestamp);
  const dot = make('span', { class: row.uncertain ? 'dot unsure' : 'dot', 'data-emotion': row.detected_emotion });
  const emotion = row.uncertain ? WORDS.unsureNote : row.detected_emotion;
  return make('li', {}, [
    make('time', { datetime: row.timestamp }, [when.toLocaleTimeString()]),
    dot,
    make('span', { class: 'who', title: row.call_id }, [`${emotion} · ${row.call_id}`]),
    percent(row.confidence_score),
  ]);
}
