/**
 * What happens on the server now: one line for all views, read with a streaming fetch, which can carry the token.
 *
 * A lost line is tried again by itself, from the last event that came; where that is too long ago, the server begins
 * with a snapshot.
 */

import { ApiError } from './api.js';
import { LiveCalls } from './live-calls.js';
import { EventParser } from './sse.js';
import { ERRORS } from './words.js';

/**
 * @typedef {'connecting'|'live'|'lost'} LineState
 *
 * @typedef {{type: 'snapshot', items: import('./context.js').LiveCall[]}
 *   | {type: 'call'|'mood'|'ended', call: import('./context.js').LiveCall}
 *   | {type: 'alert', alert: import('./context.js').LoggedAlert}
 *   | {type: 'state', state: LineState, since: Date, message: string}} FeedEvent
 * @typedef {(event: FeedEvent) => void} Listener
 */

/** The server says something every 15 s; a line that says nothing for longer than two of these is dead. */
const SILENCE_MS = 40_000;
const LONGEST_WAIT_MS = 15_000;

/** The line ended; whether by a word of the server's or not. */
class LineEnded extends Error {
  /** @param {string} message @param {number} [waitMs] */
  constructor(message, waitMs = 0) {
    super(message);
    this.waitMs = waitMs;
  }
}

export class Feed {
  /** @param {import('./api.js').Api} api */
  constructor(api) {
    this._api = api;
    /** @type {Set<Listener>} */
    this._listeners = new Set();
    /** The calls that go on, kept whether anybody looks at them or not. */
    this.calls = new LiveCalls();
    /** @type {LineState} */
    this.state = 'connecting';
    this.since = new Date();
    this.message = '';
    /** Whether the calls were told at all so far. */
    this.told = false;
    this._lastId = '';
    this._retryMs = 1000;
    this._failures = 0;
    /** @type {AbortController|null} */
    this._line = null;
    /** @type {() => void} */
    this._hurry = () => {};
  }

  /**
   * Be told what happens; first of all how the line is, and which calls go on.
   * @param {Listener} listener
   * @returns {() => void} stops it
   */
  subscribe(listener) {
    this._listeners.add(listener);
    if (this._line) this._greet(listener);
    else void this._run((this._line = new AbortController()).signal);
    return () => {
      this._listeners.delete(listener);
      if (this._listeners.size === 0) this.close();
    };
  }

  /** Try again now, where the line is lost. */
  hurry() {
    this._hurry();
  }

  /** Give the line up. */
  close() {
    this._line?.abort();
    this._line = null;
  }

  /** @param {Listener} listener */
  _greet(listener) {
    listener({ type: 'state', state: this.state, since: this.since, message: this.message });
    if (this.told) listener({ type: 'snapshot', items: [...this.calls.rows.values()].map((row) => row.call) });
  }

  /** @param {AbortSignal} signal */
  async _run(signal) {
    this._become('connecting');
    while (!signal.aborted) {
      const error = await this._read(signal).catch((/** @type {unknown} */ caught) => caught);
      if (signal.aborted || (error instanceof ApiError && error.endsSession)) return;
      this.calls.lose();
      this._become('lost', error instanceof ApiError || error instanceof LineEnded ? error.message : '');
      await this._wait(signal, asked(error));
    }
  }

  /** @param {AbortSignal} signal */
  async _read(signal) {
    const line = new AbortController();
    const end = () => line.abort();
    signal.addEventListener('abort', end);
    let silence = setTimeout(end, SILENCE_MS);
    try {
      /** @type {Record<string, string>} */
      const headers = this._lastId ? { 'last-event-id': this._lastId } : {};
      const response = await this._api.request('GET', '/live', { signal: line.signal, headers });
      const reader = /** @type {ReadableStream<Uint8Array>} */ (response.body).getReader();
      const parser = new EventParser();
      const decoder = new TextDecoder();
      for (let part = await reader.read(); !part.done; part = await reader.read()) {
        clearTimeout(silence);
        silence = setTimeout(end, SILENCE_MS);
        for (const event of parser.push(decoder.decode(part.value, { stream: true }))) this._take(event);
        this._retryMs = parser.retryMs ?? this._retryMs;
        if (this.state !== 'live') this._become('live');
      }
    } finally {
      clearTimeout(silence);
      signal.removeEventListener('abort', end);
      line.abort();
    }
  }

  /** @param {import('./sse.js').ServerEvent} event */
  _take({ kind, id, data }) {
    if (kind === 'error') this._stop(data);
    const body = JSON.parse(data);
    this._failures = 0;
    this._lastId = id;
    if (kind === 'snapshot') {
      this.calls.replace(body.items);
      this.told = true;
      this._tell({ type: 'snapshot', items: body.items });
    } else if (kind === 'alert') {
      this.calls.alert(body);
      this._tell({ type: 'alert', alert: body });
    } else if (kind === 'ended') {
      this.calls.end(body);
      this._tell({ type: 'ended', call: body });
    } else if (kind === 'call' || kind === 'mood') {
      this.calls.update(body);
      this._tell({ type: kind, call: body });
    }
  }

  /**
   * @param {string} data why the server ends the line
   * @returns {never}
   */
  _stop(data) {
    const { code, message, retry_after_ms: waitMs } = JSON.parse(data);
    if (code.startsWith('token_')) throw this._api.refusal(401, JSON.stringify({ error: { code, message } }), null);
    throw new LineEnded(ERRORS[code] ?? '', waitMs ?? 0);
  }

  /**
   * @param {LineState} state
   * @param {string} [message] why
   */
  _become(state, message = '') {
    // While it is tried again and again, it is lost since the first time.
    if (state !== this.state) this.since = new Date();
    this.state = state;
    this.message = message;
    this._tell({ type: 'state', state, since: this.since, message });
  }

  /** @param {FeedEvent} event */
  _tell(event) {
    for (const listener of [...this._listeners]) listener(event);
  }

  /**
   * Wait before the next try: longer each time, by chance so that not all boards come at once; not when the network is back.
   * @param {AbortSignal} signal
   * @param {number} leastMs
   */
  _wait(signal, leastMs) {
    const backOff = Math.min(LONGEST_WAIT_MS, this._retryMs * 2 ** this._failures) * (0.5 + Math.random() / 2);
    this._failures += 1;
    return new Promise((/** @type {(value?: unknown) => void} */ resolve) => {
      const timer = setTimeout(() => go(), Math.max(leastMs, backOff));
      const go = () => {
        clearTimeout(timer);
        removeEventListener('online', go);
        signal.removeEventListener('abort', go);
        resolve();
      };
      this._hurry = go;
      addEventListener('online', go);
      signal.addEventListener('abort', go);
    });
  }
}

/**
 * @param {unknown} error
 * @returns {number} how long the server asks to stay away, in milliseconds
 */
function asked(error) {
  if (error instanceof LineEnded) return error.waitMs;
  return error instanceof ApiError ? (error.retryAfterSec ?? 0) * 1000 : 0;
}
