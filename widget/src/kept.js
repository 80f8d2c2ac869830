/**
 * What a call has said since the newest checkpoint, in order and by call sample: audio, gaps, events.
 * A cursor parts what this connection has been given from what still waits. No socket and no clock.
 */

/** The call's rate on the wire, in Hz. */
export const CALL_HZ = 16000;
/** Audio held, in samples: 30 s. The oldest beyond it becomes a gap. */
const KEPT_SAMPLES = 30 * CALL_HZ;

/**
 * One thing said. With `pcm` it is audio, with `message` an event, else a gap: audio that nobody has any more.
 * @typedef {object} Entry
 * @property {number} at the call sample where it begins
 * @property {number} samples how much of the call it covers; 0 for an event
 * @property {ArrayBuffer} [pcm] PCM16
 * @property {object} [message]
 * @property {boolean} [sent] a gap that had gone out as audio before it was given up
 */

/** Holds what a next connection would need, and what this one still has to get. */
export class KeptLog {
  /** @type {Entry[]} */
  #entries = [];
  /** How many of the entries this connection has been given. */
  #given = 0;
  #held = 0;

  /** The call's clock, in samples. */
  end = 0;
  /** Samples that no server will hear because the line was too slow or away too long. */
  lost = 0;
  /** Samples of audio that wait for this connection. */
  waiting = 0;

  /** @returns {Entry|undefined} what this connection gets next */
  get next() {
    return this.#entries[this.#given];
  }

  /** @param {ArrayBuffer} pcm a whole number of 10 ms */
  audio(pcm) {
    const samples = pcm.byteLength / 2;
    this.#append({ at: this.end, samples, pcm });
    this.#held += samples;
    this.waiting += samples;
    while (this.#held > KEPT_SAMPLES) this.#giveUp(this.#entries.findIndex((entry) => entry.pcm));
  }

  /** @param {number} samples audio that was never kept: the call's clock goes on */
  gap(samples) {
    this.#append({ at: this.end, samples });
    this.#join(this.#entries.length - 1);
  }

  /** @param {object} message what has its place in the call, such as `pause` */
  event(message) {
    this.#append({ at: this.end, samples: 0, message });
  }

  /** Count the next entry as given. */
  advance() {
    this.waiting -= this.next?.pcm ? this.next.samples : 0;
    this.#given += 1;
  }

  /** Give up the oldest audio that waits. */
  dropOldest() {
    const oldest = this.#entries.findIndex((entry, n) => n >= this.#given && entry.pcm);
    if (oldest >= 0) this.#giveUp(oldest);
  }

  /**
   * Forget what lies before a checkpoint. An event just at it stays: told twice, it changes nothing.
   * @param {number} sample
   */
  forget(sample) {
    while (this.#given > 0 && isBefore(this.#entries[0], sample)) this.#shift();
    const [first] = this.#entries;
    if (this.#given > 0 && first.at < sample) this.#behead(first, sample - first.at);
  }

  /**
   * Begin again for a new connection.
   * @param {number} sample where its server goes on
   */
  rewind(sample) {
    this.#given = this.#entries.length;
    this.forget(sample);
    const start = this.#entries[0]?.at ?? this.end;
    if (start > sample) this.#entries.unshift({ at: sample, samples: start - sample, sent: true });
    this.#given = 0;
    this.waiting = this.#held;
    for (const entry of this.#entries) this.#miss(entry);
    for (let n = this.#entries.length - 1; n > 0; n -= 1) this.#join(n);
  }

  /** @param {Entry} entry */
  #append(entry) {
    this.#entries.push(entry);
    this.end += entry.samples;
  }

  #shift() {
    const first = this.#entries.shift();
    this.#held -= first?.pcm ? first.samples : 0;
    this.#given -= 1;
  }

  /**
   * @param {Entry} entry
   * @param {number} samples
   */
  #behead(entry, samples) {
    entry.at += samples;
    entry.samples -= samples;
    if (!entry.pcm) return;
    entry.pcm = entry.pcm.slice(samples * 2);
    this.#held -= samples;
  }

  /** @param {number} index an entry of audio, which becomes a gap */
  #giveUp(index) {
    const { at, samples } = this.#entries[index];
    const sent = index < this.#given;
    this.#entries[index] = { at, samples, sent };
    this.#held -= samples;
    if (!sent) {
      this.waiting -= samples;
      this.lost += samples;
    }
    this.#join(index);
  }

  /** @param {Entry} entry a gap that a server had heard is lost only if the next server has to do without */
  #miss(entry) {
    if (entry.sent) this.lost += entry.samples;
    entry.sent = false;
  }

  /** @param {number} index a gap that grows the one before it, if both have been given or neither has */
  #join(index) {
    const [before, entry] = [this.#entries[index - 1], this.#entries[index]];
    if (index === 0 || index === this.#given || !isGap(before) || !isGap(entry)) return;
    if (Boolean(before.sent) !== Boolean(entry.sent)) return;
    before.samples += entry.samples;
    this.#entries.splice(index, 1);
    if (index < this.#given) this.#given -= 1;
  }
}

/**
 * @param {Entry} entry
 * @returns {boolean}
 */
function isGap(entry) {
  return !entry.pcm && !entry.message;
}

/**
 * @param {Entry} entry
 * @param {number} sample
 * @returns {boolean} whether all of it lies before that sample
 */
function isBefore(entry, sample) {
  return entry.samples === 0 ? entry.at < sample : entry.at + entry.samples <= sample;
}
