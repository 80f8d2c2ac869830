/** What stands below the meter: hints, corrections, the summary, uploads. Each keeps what it knows and has a face to draw it. */

import { Coaching } from './coaching.js';
import { CorrectionPanel } from './correction-panel.js';
import { Corrections } from './corrections.js';
import { emit } from './events.js';
import { HintCard, hintText } from './hint-card.js';
import { Summary } from './summary.js';
import { SummaryCard } from './summary-card.js';
import { Upload } from './upload.js';
import { UploadPanel } from './upload-panel.js';

/**
 * @typedef {import('./words/language.js').Language} Language
 * @typedef {import('./meter-state.js').MeterState} MeterState
 * @typedef {import('./messages.js').ServerMessage} ServerMessage
 *
 * What the element tells its panels.
 * @typedef {object} Host
 * @property {() => Promise<{server: string, token: string}>} access
 * @property {() => string} callId the call that runs, or ran last
 * @property {() => boolean} running
 * @property {(message: object) => boolean} tell over the call's line; false where there is none
 * @property {() => void} changed something is to be drawn anew
 *
 * What a panel may do.
 * @typedef {object} Desk
 * @property {string} callId
 * @property {boolean} running
 * @property {AbortSignal} signal ends what is asked of the server, once the element is removed
 * @property {Host['access']} access
 * @property {Host['tell']} tell
 * @property {Host['changed']} changed
 * @property {(ms: number) => Promise<void>} wait at most until the element is removed
 * @property {<Name extends keyof import('./events.js').EventDetails>(name: Name, detail: import('./events.js').EventDetails[Name]) => void} raise
 */

/** The panels of one element. */
export class Panels {
  #leaving = new AbortController();
  /** @type {ReturnType<Panels['make']>|null} */
  #faces = null;

  /**
   * @param {HTMLElement} element
   * @param {Host} host
   */
  constructor(element, host) {
    const leaving = () => this.#leaving.signal;
    /** @type {Desk} */
    const desk = {
      get callId() { return host.callId(); },
      get running() { return host.running(); },
      get signal() { return leaving(); },
      access: host.access,
      tell: host.tell,
      changed: host.changed,
      wait: (ms) => wait(ms, leaving()),
      raise: (name, detail) => emit(element, name, detail),
    };
    this.coaching = new Coaching(desk);
    this.corrections = new Corrections(desk);
    this.summary = new Summary(desk);
    this.upload = new Upload(desk);
  }

  /**
   * Make the faces anew.
   * @param {Language} language
   */
  make(language) {
    const faces = {
      hints: new HintCard(language, this.coaching),
      correction: new CorrectionPanel(language, this.corrections),
      summary: new SummaryCard(language, this.summary, this.coaching),
      upload: new UploadPanel(language, this.upload),
      corrected: () => this.corrections.made,
      /** @returns {string} the shown hint's words */
      hint: () => (this.coaching.shown ? hintText(language, this.coaching.shown.hint) : ''),
    };
    this.#faces = faces;
    return faces;
  }

  /** A call begins. */
  begin() {
    this.coaching.begin();
    this.corrections.choose(null);
    this.summary.clear();
    this.upload.cancel();
  }

  /** @param {ServerMessage} message */
  message(message) {
    this.coaching.message(message);
  }

  /** @param {number} atSec the call's clock */
  tick(atSec) {
    this.coaching.tick(atSec);
  }

  /** @param {boolean} heard whether anything was scored in the call that has ended */
  end(heard) {
    this.coaching.end();
    if (heard && !this.#leaving.signal.aborted) void this.summary.read();
  }

  /** The element is in the page. */
  enter() {
    if (this.#leaving.signal.aborted) this.#leaving = new AbortController();
  }

  /** The element is removed: nothing is asked or awaited any more. */
  leave() {
    this.#leaving.abort();
    this.summary.clear();
    this.upload.cancel();
  }

  /** @param {boolean} uploads whether a file may be chosen now */
  draw(uploads) {
    this.#faces?.hints.draw();
    this.#faces?.correction.draw();
    this.#faces?.summary.draw();
    this.#faces?.upload.draw(uploads);
  }
}

/**
 * @param {number} ms
 * @param {AbortSignal} signal
 * @returns {Promise<void>}
 */
function wait(ms, signal) {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
  });
}
