/** What a call says on its way to the socket: paced, bounded, and honest about what was dropped. */

import { CALL_HZ, KeptLog } from './kept.js';

/** Bytes the socket may hold unsent: 0.5 s of audio. */
const UNSENT_BYTES = CALL_HZ;
/** Live audio kept waiting for a slow line, in samples: 2 s. The oldest beyond it is dropped. */
const WAITING_SAMPLES = 2 * CALL_HZ;
/** While paused, tell what was discarded about this often, in samples (5 s); it also proves life. */
const PAUSED_REPORT_SAMPLES = 5 * CALL_HZ;
/** Audio between two pings, in samples: 20 s. The audio clock runs on where background tabs throttle timers. */
const PING_SAMPLES = 20 * CALL_HZ;

/**
 * The part of a WebSocket that the outbox needs.
 * @typedef {{bufferedAmount: number, send: (data: string|ArrayBuffer) => void}} Sink
 * @typedef {import('./kept.js').Entry} Entry
 */

/** Orders, paces and counts what a call sends, over one connection after another. */
export class Outbox {
  #log = new KeptLog();
  #sincePing = 0;
  #pings = 0;
  #paused = false;
  /** Whether this connection still lags behind by what was kept for it. */
  #behind = false;
  /** @type {Sink|null} */
  #sink = null;

  /** @returns {number} samples that no server will hear, over the whole call */
  get lost() {
    return this.#log.lost;
  }

  /**
   * @param {Sink} sink an open socket whose call has started
   * @param {number} [sample] where its server goes on
   */
  open(sink, sample = 0) {
    this.#sink = sink;
    this.#log.rewind(sample);
    this.#behind = true;
    this.#pump();
  }

  /** The connection is gone: keep what follows for the next. */
  close() {
    this.#sink = null;
  }

  /** @param {ArrayBuffer} pcm one frame, a whole number of 10 ms */
  push(pcm) {
    this.#ping(pcm.byteLength / 2);
    if (this.#paused) this.#log.gap(pcm.byteLength / 2);
    else this.#log.audio(pcm);
    this.#pump();
    // What was kept while there was no line is no slow line's fault, and bounded by itself.
    while (this.#sink && !this.#behind && this.#log.waiting > WAITING_SAMPLES) this.#log.dropOldest();
  }

  /** Neither send nor keep audio until `resume`. */
  pause() {
    if (this.#paused) return;
    this.#paused = true;
    this.#log.event({ type: 'pause' });
    this.#pump();
  }

  /** Go on, after saying how much was discarded. */
  resume() {
    if (!this.#paused) return;
    this.#paused = false;
    this.#log.event({ type: 'resume' });
    this.#pump();
  }

  /** @param {object} message what has its place in the call and changes nothing when it is told twice */
  tell(message) {
    this.#log.event(message);
    this.#pump();
  }

  /** Send everything that waits, then `stop`. */
  stop() {
    while (this.#sink && this.#log.next) this.#give(this.#log.next);
    this.#send({ type: 'stop' });
  }

  /** @param {number} sample a checkpoint: nothing before it will be asked for again */
  forget(sample) {
    this.#log.forget(sample);
  }

  #pump() {
    if (!this.#sink) return;
    for (let entry = this.#log.next; entry && this.#mayGo(entry, this.#sink); entry = this.#log.next) this.#give(entry);
    if (this.#log.waiting === 0) this.#behind = false;
  }

  /**
   * @param {Entry} entry
   * @param {Sink} sink
   * @returns {boolean}
   */
  #mayGo(entry, sink) {
    if (entry.message) return true;
    // A gap waits like the audio whose place it took: it may grow until the line is back.
    if (sink.bufferedAmount >= UNSENT_BYTES) return false;
    const pausing = this.#paused && !entry.pcm && entry.at + entry.samples === this.#log.end;
    return !pausing || entry.samples >= PAUSED_REPORT_SAMPLES;
  }

  /** @param {Entry} entry */
  #give(entry) {
    this.#log.advance();
    if (entry.pcm) this.#sink?.send(entry.pcm);
    else this.#send(entry.message ?? { type: 'discarded', samples: entry.samples });
  }

  /** @param {number} samples */
  #ping(samples) {
    this.#sincePing += samples;
    if (this.#sincePing < PING_SAMPLES) return;
    this.#sincePing = 0;
    this.#pings += 1;
    this.#send({ type: 'ping', id: this.#pings });
  }

  /** @param {object} message */
  #send(message) {
    this.#sink?.send(JSON.stringify(message));
  }
}
