/** The audio thread's side of capture: native rate in, 100 ms frames of 16 kHz PCM16 out. */

import { Framer } from './framer.js';
import { Resampler } from './resampler.js';

/** Samples in a render quantum; what counts as silence when nothing is connected. */
const QUANTUM = new Float32Array(128);

/**
 * What the worklet posts. `pcm` is transferred, never copied.
 * @typedef {({type: 'frame'} & import('./framer.js').Frame) | {type: 'finished'}} WorkletMessage
 */

class CaptureProcessor extends AudioWorkletProcessor {
  /** @param {AudioWorkletNodeOptions} options `processorOptions.waitForInput`: skip what lies before the first sound */
  constructor(options) {
    super(options);
    this.resampler = new Resampler(Math.round(sampleRate));
    this.framer = new Framer();
    this.waiting = options.processorOptions?.waitForInput === true;
    this.running = true;
    this.port.onmessage = (event) => {
      if (event.data?.type === 'finish') this.#finish();
    };
  }

  /**
   * @param {Float32Array[][]} inputs
   * @returns {boolean} whether the node is still needed
   */
  process(inputs) {
    if (!this.running) return false;
    const channel = inputs[0]?.[0];
    if (this.waiting && !channel) return true;
    this.waiting = false;
    // Without input the call's clock goes on: a muted caller is silence, not the end.
    this.#post(this.framer.push(this.resampler.push(channel ?? QUANTUM)));
    return true;
  }

  #finish() {
    this.running = false;
    this.#post(this.framer.push(this.resampler.finish()));
    this.#post(this.framer.finish());
    this.port.postMessage({ type: 'finished' });
  }

  /** @param {import('./framer.js').Frame[]} frames */
  #post(frames) {
    for (const frame of frames) this.port.postMessage({ type: 'frame', ...frame }, [frame.pcm]);
  }
}

registerProcessor('undervoice-capture', CaptureProcessor);
