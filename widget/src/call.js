/** One call's life: a source, its capture and the line to the server, opened together and released together. */

import { Capture } from './capture.js';
import { Failure } from './failure.js';
import { Link } from './link.js';

/**
 * @typedef {import('./messages.js').ServerMessage} ServerMessage
 * @typedef {import('./framer.js').Frame} Frame
 * @typedef {import('./sources.js').SourceKind} SourceKind
 *
 * @typedef {object} CallOptions
 * @property {string} server
 * @property {() => Promise<string>} token
 * @property {Record<string, unknown>} start
 * @property {number} giveUpMs how long to try without success once the connection is lost
 *
 * What a call tells its owner.
 * @typedef {object} CallListener
 * @property {(message: ServerMessage) => void} onMessage
 * @property {(frame: Frame) => void} onFrame
 * @property {(blocked: boolean) => void} onBlocked the browser holds audio back until a click
 * @property {(rateHz: number, kind: SourceKind) => void} onOpen
 * @property {() => void} onAway the connection is lost, another is tried
 * @property {(failure: Failure|null) => void} onEnded once; null after a clean end
 */

/** Runs from construction to `onEnded`; never restarted. */
export class Call {
  /** @type {Link|null} */
  #link = null;
  #ended = false;
  #stopping = false;
  #settle = () => {};
  /** Resolved once the call has ended. @type {Promise<void>} */
  #done = new Promise((resolve) => {
    this.#settle = resolve;
  });

  /**
   * @param {CallOptions} options
   * @param {CallListener} listener
   */
  constructor(options, listener) {
    this.options = options;
    this.listener = listener;
    this.capture = new Capture();
    this.capture.context.onstatechange = () => this.#reportBlocked();
  }

  /**
   * Open everything. Failures arrive at `onEnded`.
   * @param {import('./sources.js').SourceOpener} opener
   */
  async open(opener) {
    try {
      const [token, source] = await Promise.all([this.options.token(), this.capture.open(opener)]);
      if (this.#ended) return;
      if (!token) throw new Failure('no_token');
      source.onEnded(() => void this.stop());
      this.#connect(token, source.kind);
      this.capture.begin((frame) => this.#forward(frame));
      await this.capture.resume();
      this.#reportBlocked();
    } catch (error) {
      this.#end(error instanceof Failure ? error : new Failure('unsupported', String(error)));
    }
  }

  /** Ask the browser again to let the audio run; call it from a click. */
  async unblock() {
    await this.capture.resume();
    this.#reportBlocked();
  }

  /** @returns {number} seconds of the call that no server will hear */
  get lostSec() {
    return this.#link?.lostSec ?? 0;
  }

  /** Stop scoring; audio is counted and thrown away. */
  pause() {
    this.#link?.pause();
  }

  /** Score again. */
  resume() {
    this.#link?.resume();
  }

  /**
   * Say something to the server in its place in the call.
   * @param {object} message
   * @returns {boolean} whether it will be said
   */
  tell(message) {
    return this.#link?.tell(message) ?? false;
  }

  /** End the call cleanly, and wait until it has ended. */
  async stop() {
    if (!this.#stopping && !this.#ended) {
      this.#stopping = true;
      await this.capture.finish();
      this.capture.close();
      if (this.#link) this.#link.stop();
      else this.#end(null);
    }
    await this.#done;
  }

  /** Release everything at once, without waiting for the server. */
  abandon() {
    this.#end(null);
  }

  /**
   * @param {string} token
   * @param {SourceKind} kind
   */
  #connect(token, kind) {
    const rateHz = this.capture.rateHz;
    this.#link = new Link({
      server: this.options.server,
      token,
      freshToken: this.options.token,
      start: { ...this.options.start, metadata: { source: kind, capture_rate_hz: rateHz } },
      giveUpMs: this.options.giveUpMs,
      onMessage: (message) => this.listener.onMessage(message),
      onAway: () => this.listener.onAway(),
      onEnded: (failure) => this.#end(failure),
    });
    this.listener.onOpen(rateHz, kind);
  }

  /** @param {Frame} frame */
  #forward(frame) {
    // Before `send`: the buffer is not copied, and its level is all that the view needs.
    this.listener.onFrame(frame);
    this.#link?.send(frame.pcm);
  }

  #reportBlocked() {
    if (!this.#ended && !this.#stopping && this.#link) this.listener.onBlocked(this.capture.blocked);
  }

  /** @param {Failure|null} failure */
  #end(failure) {
    if (this.#ended) return;
    this.#ended = true;
    this.capture.context.onstatechange = null;
    this.capture.close();
    this.#link?.close();
    this.listener.onEnded(failure);
    this.#settle();
  }
}
