/**
 * Resample mono audio between whole sample rates with a windowed-sinc polyphase filter.
 *
 * Browsers may refuse or ignore a requested context rate (iOS, Firefox), so the context runs at its native rate and
 * the way down to 16 kHz is ours. Output sample n stands at input position n·from/to and is always the same sum in
 * the same order, so that any chunking of the input gives byte-identical output.
 */

/** Stop-band attenuation the filter is designed for, in dB. */
const STOPBAND_DB = 80;
/** Width of the transition band, as a share of the lower of the two Nyquist frequencies. */
const TRANSITION = 0.075;
/** Samples of room after the history; longer input is taken in pieces. */
const ROOM = 4096;

/**
 * Modified Bessel function of the first kind, order 0 (power series).
 * @param {number} x
 * @returns {number}
 */
function bessel0(x) {
  let term = 1;
  let sum = 1;
  for (let k = 1; term > sum * 1e-12; k += 1) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

/**
 * @param {number} a
 * @param {number} b
 * @returns {number} greatest common divisor
 */
function gcd(a, b) {
  return b === 0 ? a : gcd(b, a % b);
}

/**
 * One row of taps for each phase, Kaiser's design (order and beta as in Oppenheim & Schafer, 7.6).
 * @param {number} fromHz
 * @param {number} toHz
 * @param {number} up phases
 * @returns {{taps: Float32Array, half: number}} `up` rows of `2·half` taps
 */
function design(fromHz, toHz, up) {
  const nyquist = Math.min(fromHz, toHz) / 2;
  const width = (TRANSITION * nyquist) / fromHz;
  const cutoff = (nyquist * (1 - TRANSITION / 2)) / fromHz;
  const half = Math.ceil((STOPBAND_DB - 7.95) / (14.36 * width) / 2);
  const beta = 0.1102 * (STOPBAND_DB - 8.7);
  const taps = new Float32Array(up * 2 * half);
  for (let phase = 0; phase < up; phase += 1) {
    const row = taps.subarray(phase * 2 * half, (phase + 1) * 2 * half);
    let gain = 0;
    for (let k = 0; k < row.length; k += 1) {
      const t = k - half + 1 - phase / up;
      const arc = 1 - (t / half) ** 2;
      const angle = 2 * Math.PI * cutoff * t;
      const sinc = angle === 0 ? 1 : Math.sin(angle) / angle;
      row[k] = arc <= 0 ? 0 : 2 * cutoff * sinc * (bessel0(beta * Math.sqrt(arc)) / bessel0(beta));
      gain += row[k];
    }
    // Each phase passes 0 Hz with gain 1, or a constant input would ripple with the phase.
    for (let k = 0; k < row.length; k += 1) row[k] /= gain;
  }
  return { taps, half };
}

/** A stream of one channel on its way from one rate to another. */
export class Resampler {
  /**
   * @param {number} fromHz whole number
   * @param {number} [toHz] whole number, 16000 unless told
   */
  constructor(fromHz, toHz = 16000) {
    if (!Number.isInteger(fromHz) || !Number.isInteger(toHz) || fromHz < 1 || toHz < 1) {
      throw new RangeError(`sample rates must be whole numbers above 0, not ${fromHz} and ${toHz}`);
    }
    const divisor = gcd(fromHz, toHz);
    this.up = toHz / divisor;
    this.down = fromHz / divisor;
    const { taps, half } = this.up === this.down ? { taps: new Float32Array(0), half: 0 } : design(fromHz, toHz, this.up);
    this.taps = taps;
    /** Input samples needed on each side of an output sample. */
    this.half = half;
    this.history = new Float32Array(2 * half + ROOM);
    /** Samples in `history`; before the first there is silence. */
    this.filled = Math.max(0, half - 1);
    /** Where the next output stands: sample in `history`, and phase in 1/up of a sample. */
    this.at = this.filled;
    this.phase = 0;
    this.received = 0;
    this.sent = 0;
  }

  /**
   * Take input of any length; return what can be said by now.
   * @param {Float32Array} input
   * @returns {Float32Array}
   */
  push(input) {
    this.received += input.length;
    if (this.half === 0) {
      this.sent += input.length;
      return input.slice();
    }
    const out = new Float32Array(Math.ceil(((input.length + 2 * this.half) * this.up) / this.down) + 1);
    let count = 0;
    for (let from = 0; from < input.length; ) {
      const piece = input.subarray(from, from + this.history.length - this.filled);
      this.history.set(piece, this.filled);
      this.filled += piece.length;
      from += piece.length;
      count = this.#filter(out, count);
      this.#forget();
    }
    this.sent += count;
    return out.slice(0, count);
  }

  /**
   * Return the tail, so that all output together is ⌈received·to/from⌉ samples.
   * @returns {Float32Array}
   */
  finish() {
    const due = Math.ceil((this.received * this.up) / this.down) - this.sent;
    if (this.half === 0 || due <= 0) return new Float32Array(0);
    return this.push(new Float32Array(this.half + this.down)).slice(0, due);
  }

  /**
   * @param {Float32Array} out
   * @param {number} count samples already in `out`
   * @returns {number} samples then in `out`
   */
  #filter(out, count) {
    const width = 2 * this.half;
    while (this.at + this.half < this.filled) {
      const first = this.at - this.half + 1;
      const row = this.phase * width;
      let sum = 0;
      for (let k = 0; k < width; k += 1) sum += this.history[first + k] * this.taps[row + k];
      out[count] = sum;
      count += 1;
      this.phase += this.down;
      this.at += Math.floor(this.phase / this.up);
      this.phase %= this.up;
    }
    return count;
  }

  /** Drop what no later output needs. */
  #forget() {
    const gone = Math.min(this.at - this.half + 1, this.filled);
    if (gone <= 0) return;
    this.history.copyWithin(0, gone, this.filled);
    this.filled -= gone;
    this.at -= gone;
  }
}
