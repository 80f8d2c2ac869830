/** One connection of a call: `start`, then messages in, until it is closed or lost. */

import { closeFailure } from './failure.js';
import { readMessage } from './messages.js';
import { askWhy } from './refusal.js';

/**
 * @typedef {import('./messages.js').ServerMessage} ServerMessage
 * @typedef {import('./messages.js').ErrorMessage} ErrorMessage
 * @typedef {import('./failure.js').Failure} Failure
 *
 * @typedef {object} ClientOptions
 * @property {string} server the server's base address, http or https
 * @property {string} token
 * @property {object} start the first message, without `type` and `audio`
 * @property {(message: ServerMessage) => void} onMessage
 * @property {(failure: Failure|null) => void} onClosed once, unless closed from here; null after a clean end
 */

const AUDIO = { encoding: 'pcm_s16le', sample_rate: 16000, channels: ['customer'] };

/** A WebSocket that speaks `undervoice.v1`. */
export class CallClient {
  /** Whether the server has taken the call. */
  started = false;
  /** @type {ErrorMessage|null} what the server said before it closed */
  #error = null;
  #asking = new AbortController();

  /** @param {ClientOptions} options */
  constructor(options) {
    this.options = options;
    const url = new URL('api/v1/stream', options.server);
    url.protocol = url.protocol.replace('http', 'ws');
    // The token travels as a subprotocol: addresses reach logs, headers of this kind do not.
    this.socket = new WebSocket(url, ['undervoice.v1', `bearer.${options.token}`]);
    this.socket.onopen = () => this.#open();
    this.socket.onmessage = (event) => this.#receive(event.data);
    this.socket.onclose = (event) => void this.#closed(event.code);
  }

  /** Drop the connection at once, without a word. */
  close() {
    this.socket.onopen = null;
    this.socket.onmessage = null;
    this.socket.onclose = null;
    this.socket.close(1000);
    this.#asking.abort();
  }

  #open() {
    this.socket.send(JSON.stringify({ type: 'start', audio: AUDIO, ...this.options.start }));
  }

  /** @param {unknown} data */
  #receive(data) {
    const message = readMessage(data);
    if (!message) return;
    if (message.type === 'started') this.started = true;
    if (message.type === 'error') this.#error = message;
    this.options.onMessage(message);
    if (message.type === 'stopped') this.#end();
  }

  #end() {
    this.close();
    this.options.onClosed(null);
  }

  /** @param {number} code */
  async #closed(code) {
    if (code === 1000) return this.options.onClosed(null);
    if (code !== 1006 || this.started) return this.options.onClosed(closeFailure(code, this.#error));
    const failure = await askWhy(this.options.server, this.options.token, this.#asking.signal);
    if (!this.#asking.signal.aborted) this.options.onClosed(failure);
  }
}
