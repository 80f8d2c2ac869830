/** Runs a source through the worklet and hands out its frames. */

import { Failure } from './failure.js';

/**
 * @typedef {import('./framer.js').Frame} Frame
 * @typedef {import('./sources.js').Source} Source
 * @typedef {import('./worklet.js').WorkletMessage} WorkletMessage
 */

/** How long the worklet may take to hand over the rest, in milliseconds. */
const FINISH_MS = 500;

/** One open context with its source and worklet. */
export class Capture {
  #finished = () => {};
  /** @type {AudioWorkletNode|null} */
  #node = null;
  /** @type {Source|null} */
  #source = null;

  /** The context is made at once, while the click that asked for it still counts. */
  constructor() {
    // The native rate: iOS and Firefox refuse or ignore a requested one.
    this.context = new AudioContext({ latencyHint: 'interactive' });
  }

  /** @returns {number} the context's real rate in Hz */
  get rateHz() {
    return this.context.sampleRate;
  }

  /** @returns {boolean} whether the browser holds the audio back until a click */
  get blocked() {
    return this.context.state !== 'running' && this.context.state !== 'closed';
  }

  /**
   * Open the source and load the worklet; nothing sounds yet.
   * @param {import('./sources.js').SourceOpener} opener
   * @returns {Promise<Source>}
   */
  async open(opener) {
    // Each is kept or released as it arrives: one may come long after the other has failed.
    const [source] = await Promise.all([opener(this.context).then((opened) => this.#keep(opened)), this.#loadWorklet()]);
    return source;
  }

  /**
   * Begin to hand out frames.
   * @param {(frame: Frame) => void} onFrame every 100 ms of audio
   */
  begin(onFrame) {
    if (!this.#source) return;
    const node = new AudioWorkletNode(this.context, 'undervoice-capture', {
      numberOfInputs: 1,
      numberOfOutputs: 1,
      channelCount: 1,
      channelCountMode: 'explicit',
      channelInterpretation: 'speakers',
      processorOptions: { waitForInput: this.#source.kind === 'file' },
    });
    node.port.onmessage = ({ data }) => this.#receive(data, onFrame);
    this.#source.node.connect(node);
    // Its output is silence; a node that leads nowhere is not run by every browser.
    node.connect(this.context.destination);
    this.#source.begin();
    this.#node = node;
  }

  /** Ask the browser to let the audio run; it may refuse until a click. */
  async resume() {
    if (this.context.state === 'closed') return;
    // The promise stays pending for as long as the browser refuses, hence no waiting without end.
    await Promise.race([this.context.resume().catch(() => {}), wait(300)]);
  }

  /** Let the worklet hand over the rest of the audio. */
  async finish() {
    const node = this.#node;
    if (!node) return;
    const finished = new Promise((resolve) => {
      this.#finished = () => resolve(undefined);
    });
    node.port.postMessage({ type: 'finish' });
    await Promise.race([finished, wait(FINISH_MS)]);
  }

  /** Release tracks, nodes and the context. */
  close() {
    this.#source?.stop();
    if (this.#node) {
      this.#node.port.onmessage = null;
      this.#node.port.close();
      this.#node.disconnect();
    }
    this.#node = null;
    this.#source = null;
    if (this.context.state !== 'closed') void this.context.close();
  }

  /**
   * @param {Source} source
   * @returns {Source}
   */
  #keep(source) {
    if (this.context.state === 'closed') source.stop();
    else this.#source = source;
    return source;
  }

  async #loadWorklet() {
    if (!this.context.audioWorklet) throw new Failure('unsupported', 'AudioWorklet');
    try {
      // A module's own address, never a blob: a strict CSP names the server and nothing else.
      await this.context.audioWorklet.addModule(new URL('./worklet.js', import.meta.url));
    } catch (error) {
      // It comes from the server, like the rest of the element, which arrived; so the server is gone by now.
      throw new Failure('unreachable', String(error));
    }
  }

  /**
   * @param {WorkletMessage} message
   * @param {(frame: Frame) => void} onFrame
   */
  #receive(message, onFrame) {
    if (message.type === 'frame') onFrame(message);
    else this.#finished();
  }
}

/**
 * @param {number} ms
 * @returns {Promise<void>}
 */
function wait(ms) {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
