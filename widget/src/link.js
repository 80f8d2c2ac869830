/** A call's line to the server, over one connection after another: what one loses, the next is given again. */

import { CallClient } from './client.js';
import { Failure } from './failure.js';
import { CALL_HZ } from './kept.js';
import { Outbox } from './outbox.js';
import { Backoff } from './reconnect.js';

/**
 * @typedef {import('./messages.js').ServerMessage} ServerMessage
 * @typedef {import('./messages.js').StartedMessage} StartedMessage
 * @typedef {import('./messages.js').CheckpointMessage} CheckpointMessage
 *
 * @typedef {object} LinkOptions
 * @property {string} server base address
 * @property {string} token for the first connection
 * @property {() => Promise<string>} freshToken asked before each further one
 * @property {object} start the first message of each connection, without `type`, `audio` and `resume`
 * @property {number} giveUpMs how long to try without success
 * @property {(message: ServerMessage) => void} onMessage
 * @property {() => void} onAway the connection is lost, another is tried; `started` tells when it is there
 * @property {(failure: Failure|null) => void} onEnded once; null after a clean end
 */

/** A server tells `stats` every 5 s; so much audio without a word from it, in samples, and the line is dead. */
const SILENT_SAMPLES = 15 * CALL_HZ;
/** How long one try may take, from the question for a token to `started`, in milliseconds. */
const TRY_MS = 10_000;
/** How long an ending call waits for the next word from the server, in milliseconds. */
const STOP_MS = 5000;
/** How long an ending call goes on trying to reach a server for what it has kept, in milliseconds. */
const STOP_AWAY_MS = 15_000;

/** Runs from construction to `onEnded` or `close`. */
export class Link {
  #outbox = new Outbox();
  /** @type {CallClient|null} */
  #client = null;
  #backoff;
  /** The newest checkpoint; empty before the first. */
  #checkpoint = '';
  /** Whether a server has taken the call; before that, a failure is told at once. */
  #begun = false;
  #resumedFrom = 0;
  #token = '';
  /** The token that was refused last, until a call has started with another. */
  #refused = '';
  #silent = 0;
  #draining = false;
  #stopping = false;
  #ended = false;
  /** Counts tries, so that an answer that comes too late is known as such. */
  #turn = 0;
  /** The next try, or the end of this one. @type {{atMs: number, act: () => void}|null} */
  #due = null;
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  #timer;
  /** @type {ReturnType<typeof setTimeout>|undefined} to the end of waiting for `stopped` */
  #deadline;

  /** @param {LinkOptions} options */
  constructor(options) {
    this.options = options;
    this.#backoff = new Backoff(options.giveUpMs);
    this.#connect(options.token);
  }

  /** @returns {number} seconds of the call that no server will hear */
  get lostSec() {
    return this.#outbox.lost / CALL_HZ;
  }

  /** @param {ArrayBuffer} pcm one frame */
  send(pcm) {
    if (this.#stopping) return;
    this.#outbox.push(pcm);
    // By the audio's clock too, since a background tab's timers are late.
    if (this.#due && performance.now() >= this.#due.atMs) this.#act();
    if (!this.#client?.started) return;
    this.#silent += pcm.byteLength / 2;
    if (this.#silent > SILENT_SAMPLES) this.#lost(new Failure('lost', 'no word from the server', true));
  }

  /** Stop scoring until `resume`, with a connection or without. */
  pause() {
    this.#outbox.pause();
  }

  /** Score again. */
  resume() {
    this.#outbox.resume();
  }

  /**
   * Say something that has its place in the call, now or over the next connection.
   * @param {object} message
   * @returns {boolean} whether it will be said
   */
  tell(message) {
    const open = this.#begun && !this.#stopping && !this.#ended;
    if (open) this.#outbox.tell(message);
    return open;
  }

  /** End the call: what waits is sent, over a new connection if need be, and the server's last word awaited. */
  stop() {
    if (this.#stopping || this.#ended) return;
    this.#stopping = true;
    if (this.#client?.started) {
      this.#outbox.stop();
      this.#expectWithin(STOP_MS);
    } else if (this.#begun) this.#expectWithin(STOP_AWAY_MS);
    else this.#end(null);
  }

  /** Drop everything at once, without a word. */
  close() {
    this.#ended = true;
    this.#after(0, null);
    clearTimeout(this.#deadline);
    this.#hangUp();
  }

  /** @param {string} token */
  #connect(token) {
    this.#token = token;
    this.#silent = 0;
    const resume = this.#checkpoint ? { resume: { checkpoint: this.#checkpoint } } : {};
    this.#client = new CallClient({
      server: this.options.server,
      token,
      start: { ...this.options.start, ...resume },
      onMessage: (message) => this.#receive(message),
      onClosed: (failure) => (failure ? this.#lost(failure) : this.#end(null)),
    });
  }

  /** @param {ServerMessage} message */
  #receive(message) {
    this.#silent = 0;
    if (message.type === 'started') this.#started(message);
    if (message.type === 'checkpoint') this.#keep(message);
    if (message.type === 'reconnect') this.#draining = true;
    if (this.#stopping) this.#expectWithin(STOP_MS);
    this.options.onMessage(message);
  }

  /** @param {StartedMessage} message */
  #started(message) {
    this.#after(0, null);
    this.#begun = true;
    this.#refused = '';
    this.#resumedFrom = message.resume_from_sample ?? 0;
    if (this.#client) this.#outbox.open(this.#client.socket, this.#resumedFrom);
    if (this.#stopping) this.#outbox.stop();
  }

  /** @param {CheckpointMessage} message */
  #keep({ token, sample }) {
    this.#checkpoint = token;
    this.#outbox.forget(sample);
    // Only a call that moves on has recovered: one that fails again and again at the same place has not.
    if (sample > this.#resumedFrom) this.#backoff.succeeded();
  }

  /** @param {Failure} failure */
  #lost(failure) {
    if (this.#ended) return;
    if (this.#stopping && this.#client?.started) this.#expectWithin(STOP_AWAY_MS);
    this.#hangUp();
    const expired = failure.state === 'not_allowed' && this.#refused === '';
    if (expired) this.#refused = this.#token;
    if (!this.#begun || !(failure.retryable || expired)) return this.#end(failure);
    const waitMs = this.#backoff.next(performance.now(), failure.retryAfterMs);
    if (waitMs === null) return this.#end(new Failure('lost', failure.detail));
    this.#after(this.#draining ? 0 : waitMs, () => void this.#retry());
    this.#draining = false;
    this.options.onAway();
  }

  async #retry() {
    const turn = (this.#turn += 1);
    this.#after(TRY_MS, () => this.#lost(new Failure('unreachable', 'no answer in time', true)));
    // A token service that does not answer is as likely as a server that does not: the same network leads to both.
    const token = await this.options.freshToken().catch(() => null);
    if (turn !== this.#turn || this.#ended) return;
    if (token === null) this.#lost(new Failure('no_token', 'the token provider failed', true));
    else if (token === '') this.#end(new Failure('no_token'));
    else if (token === this.#refused) this.#end(new Failure('not_allowed', 'the token was refused'));
    else this.#connect(token);
  }

  #hangUp() {
    this.#turn += 1;
    this.#outbox.close();
    this.#client?.close();
    this.#client = null;
  }

  /**
   * @param {number} ms
   * @param {(() => void)|null} act null: nothing is due any more
   */
  #after(ms, act) {
    clearTimeout(this.#timer);
    this.#due = act && { atMs: performance.now() + ms, act };
    if (act) this.#timer = setTimeout(() => this.#act(), ms);
  }

  #act() {
    const act = this.#due?.act;
    this.#after(0, null);
    act?.();
  }

  /** @param {number} ms */
  #expectWithin(ms) {
    clearTimeout(this.#deadline);
    this.#deadline = setTimeout(() => this.#end(new Failure('lost', 'the end was not confirmed')), ms);
  }

  /** @param {Failure|null} failure */
  #end(failure) {
    if (this.#ended) return;
    this.close();
    this.options.onEnded(failure);
  }
}
