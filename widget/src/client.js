/** One call's connection to the server: start, audio, readings, stop. */

import { Failure, closeFailure, statusFailure } from './failure.js';
import { readMessage } from './messages.js';
import { Outbox } from './outbox.js';

/**
 * @typedef {import('./messages.js').ServerMessage} ServerMessage
 *
 * @typedef {object} ClientOptions
 * @property {string} server the server's base address, http or https
 * @property {string} token
 * @property {object} start the first message, without `type` and `audio`
 * @property {(message: ServerMessage) => void} onMessage
 * @property {(failure: Failure|null) => void} onClosed once; null after a clean end
 */

/** How long to wait for `stopped`, in milliseconds. */
const STOP_MS = 5000;
const AUDIO = { encoding: 'pcm_s16le', sample_rate: 16000, channels: ['customer'] };

/** A WebSocket that speaks `undervoice.v1`. */
export class CallClient {
  #outbox = new Outbox();
  #started = false;
  #stopped = false;
  #closing = false;
  #lastError = '';
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  #deadline;

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

  /** @param {ArrayBuffer} pcm one frame */
  send(pcm) {
    if (!this.#closing) this.#outbox.push(pcm);
  }

  /** Stop scoring until `resume`. */
  pause() {
    this.#outbox.pause();
  }

  /** Score again. */
  resume() {
    this.#outbox.resume();
  }

  /** End the call and wait until the server has confirmed it (or for 5 s). */
  async stop() {
    if (this.#closing) return;
    this.#closing = true;
    if (!this.#started || this.socket.readyState !== WebSocket.OPEN) {
      this.socket.close(1000);
      return;
    }
    const closed = new Promise((resolve) => {
      this.socket.addEventListener('close', resolve, { once: true });
    });
    this.#outbox.stop();
    const late = new Promise((resolve) => {
      this.#deadline = setTimeout(resolve, STOP_MS);
    });
    await Promise.race([closed, late]);
    this.close();
  }

  /** Drop the connection at once, without a word. */
  close() {
    clearTimeout(this.#deadline);
    this.socket.onopen = null;
    this.socket.onmessage = null;
    this.socket.onclose = null;
    this.socket.close(1000);
  }

  #open() {
    this.socket.send(JSON.stringify({ type: 'start', audio: AUDIO, ...this.options.start }));
  }

  /** @param {unknown} data */
  #receive(data) {
    const message = readMessage(data);
    if (!message) return;
    if (message.type === 'started') {
      this.#started = true;
      this.#outbox.open(this.socket);
    }
    if (message.type === 'error') this.#lastError = message.message;
    if (message.type === 'stopped') this.#stopped = true;
    this.options.onMessage(message);
    if (message.type === 'stopped') this.socket.close(1000);
  }

  /** @param {number} code */
  async #closed(code) {
    if (this.#stopped || (this.#closing && code === 1000)) return this.options.onClosed(null);
    if (code === 1006 && !this.#started) return this.options.onClosed(await this.#askWhy());
    if (code === 1000) return this.options.onClosed(null);
    return this.options.onClosed(closeFailure(code, this.#lastError));
  }

  /**
   * A browser hides why an upgrade was refused, so ask a plain route with the same token.
   * @returns {Promise<Failure>}
   */
  async #askWhy() {
    const { server, token } = this.options;
    try {
      const response = await fetch(new URL('api/v1/model', server), {
        headers: { Authorization: `Bearer ${token}` },
        cache: 'no-store',
      });
      if (!response.ok) return statusFailure(response.status);
      // The token is good, so it is about room; readiness tells.
      const ready = await fetch(new URL('readyz', server), { cache: 'no-store' }).catch(() => null);
      return statusFailure(ready?.status ?? response.status);
    } catch (error) {
      // Without a CORS header the answer is hidden too; that something answers tells the two apart.
      const alive = await fetch(new URL('health', server), { mode: 'no-cors', cache: 'no-store' }).then(
        () => true,
        () => false,
      );
      return new Failure(alive ? 'origin_refused' : 'unreachable', String(error));
    }
  }
}
