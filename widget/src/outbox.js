/** Audio on its way to the socket: paced, bounded, and honest about what was dropped. */

/** The call's rate on the wire, in Hz. */
export const CALL_HZ = 16000;
/** Bytes the socket may hold unsent: 0.5 s of audio. */
const UNSENT_BYTES = CALL_HZ;
/** Bytes of live audio kept waiting, 2 s; the oldest beyond it is dropped. */
const WAITING_BYTES = 4 * CALL_HZ;
/** While paused, tell what was discarded about this often, in samples (5 s); it also proves life. */
const PAUSED_REPORT_SAMPLES = 5 * CALL_HZ;
/** Audio between two pings, in samples: 20 s. The audio clock runs on where background tabs throttle timers. */
const PING_SAMPLES = 20 * CALL_HZ;

/**
 * The part of a WebSocket that the outbox needs.
 * @typedef {{bufferedAmount: number, send: (data: string|ArrayBuffer) => void}} Sink
 */

/** Orders, paces and counts what a call sends. */
export class Outbox {
  /** @type {ArrayBuffer[]} */
  #frames = [];
  #bytes = 0;
  /** Samples dropped at the place where the next frame stands. */
  #discarded = 0;
  #sincePing = 0;
  #pings = 0;
  #paused = false;
  /** @type {Sink|null} */
  #sink = null;

  /** Samples dropped because the line was too slow, over the whole call. */
  lost = 0;

  /** @param {Sink} sink an open socket whose call has started */
  open(sink) {
    this.#sink = sink;
    if (this.#paused) this.#send({ type: 'pause' });
    this.#pump();
  }

  /** @param {ArrayBuffer} pcm one frame, a whole number of 10 ms */
  push(pcm) {
    this.#ping(pcm.byteLength / 2);
    if (this.#paused) {
      this.#discarded += pcm.byteLength / 2;
      if (this.#discarded >= PAUSED_REPORT_SAMPLES) this.#report();
      return;
    }
    this.#frames.push(pcm);
    this.#bytes += pcm.byteLength;
    this.#pump();
    while (this.#bytes > WAITING_BYTES) this.#dropOldest();
  }

  /** Neither send nor keep audio until `resume`. */
  pause() {
    if (this.#paused) return;
    if (this.#sink) {
      this.#drain();
      this.#send({ type: 'pause' });
    }
    this.#paused = true;
  }

  /** Go on, after saying how much was discarded. */
  resume() {
    if (!this.#paused) return;
    this.#paused = false;
    if (!this.#sink) return;
    this.#report();
    this.#send({ type: 'resume' });
  }

  /** Send everything that waits, then `stop`. */
  stop() {
    this.#drain();
    this.#report();
    this.#send({ type: 'stop' });
    this.#sink = null;
  }

  #pump() {
    while (this.#sink && this.#frames.length > 0 && this.#sink.bufferedAmount < UNSENT_BYTES) this.#sendOldest();
  }

  #drain() {
    while (this.#sink && this.#frames.length > 0) this.#sendOldest();
  }

  #sendOldest() {
    this.#report();
    const pcm = this.#frames.shift();
    if (!pcm) return;
    this.#bytes -= pcm.byteLength;
    this.#sink?.send(pcm);
  }

  #dropOldest() {
    const pcm = this.#frames.shift();
    if (!pcm) return;
    this.#bytes -= pcm.byteLength;
    this.#discarded += pcm.byteLength / 2;
    this.lost += pcm.byteLength / 2;
  }

  #report() {
    if (!this.#sink || this.#discarded === 0) return;
    this.#send({ type: 'discarded', samples: this.#discarded });
    this.#discarded = 0;
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
