/** Turn float samples at 16 kHz into the frames that the wire carries: PCM16 little-endian, 100 ms each. */

/** Samples in one frame: 100 ms at 16 kHz. */
export const FRAME_SAMPLES = 1600;
/** Samples in the wire's smallest step, 10 ms at 16 kHz; the last frame is filled up to it. */
const STEP_SAMPLES = 160;
/** From here on a sample counts as clipped: resampling rounds what was cut off flat. */
const FULL_SCALE = 0.99;

/**
 * One frame of call audio.
 * @typedef {object} Frame
 * @property {ArrayBuffer} pcm PCM16 little-endian, 16 kHz, mono
 * @property {number} levelDb loudness (RMS) in dB relative to full scale, −100 for silence
 * @property {number} clipped share of samples at full scale, 0…1
 */

/** Collects samples until a frame is full. */
export class Framer {
  constructor() {
    this.samples = new Float32Array(FRAME_SAMPLES);
    this.filled = 0;
  }

  /**
   * @param {Float32Array} samples 16 kHz, −1…1
   * @returns {Frame[]} the frames that are full by now
   */
  push(samples) {
    const frames = [];
    for (let from = 0; from < samples.length; ) {
      const piece = samples.subarray(from, from + FRAME_SAMPLES - this.filled);
      this.samples.set(piece, this.filled);
      this.filled += piece.length;
      from += piece.length;
      if (this.filled === FRAME_SAMPLES) frames.push(this.#cut(FRAME_SAMPLES));
    }
    return frames;
  }

  /** @returns {Frame[]} the rest, filled up with silence to a whole 10 ms */
  finish() {
    if (this.filled === 0) return [];
    this.samples.fill(0, this.filled);
    return [this.#cut(Math.ceil(this.filled / STEP_SAMPLES) * STEP_SAMPLES)];
  }

  /**
   * @param {number} length
   * @returns {Frame}
   */
  #cut(length) {
    const view = new DataView(new ArrayBuffer(length * 2));
    let power = 0;
    let clipped = 0;
    for (let i = 0; i < length; i += 1) {
      const clamped = Math.max(-1, Math.min(1, this.samples[i]));
      power += clamped * clamped;
      if (Math.abs(clamped) >= FULL_SCALE) clipped += 1;
      view.setInt16(i * 2, Math.max(-32768, Math.min(32767, Math.round(clamped * 32768))), true);
    }
    this.filled = 0;
    const levelDb = Math.max(-100, 10 * Math.log10(power / length + 1e-10));
    return { pcm: view.buffer, levelDb, clipped: clipped / length };
  }
}
