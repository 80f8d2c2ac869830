/** What stands below the meter: hints, and the extras. Each keeps what it knows and has a face to draw it. */

import { Coaching } from './coaching.js';
import { make } from './dom.js';
import { emit } from './events.js';
import { HintCard, hintText } from './hint-card.js';

/**
 * @typedef {import('./extras.js').Extras} Extras
 * @typedef {import('./words/language.js').Language} Language
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

/** @type {Map<string, import('./corrections.js').Correction>} */
const NONE = new Map();

/** The panels of one element. */
export class Panels {
  #leaving = new AbortController();
  /** @type {ReturnType<Panels['make']>|null} */
  #faces = null;
  /** @type {Language|null} */
  #language = null;
  /** @type {Extras|null} */
  #extras = null;
  /** @type {Promise<Extras>|null} */
  #coming = null;
  #uploads = false;

  /**
   * @param {HTMLElement} element
   * @param {Host} host
   */
  constructor(element, host) {
    const leaving = () => this.#leaving.signal;
    /** @type {Desk} */
    this.desk = {
      get callId() { return host.callId(); },
      get running() { return host.running(); },
      get signal() { return leaving(); },
      access: host.access,
      tell: host.tell,
      changed: host.changed,
      wait: (ms) => wait(ms, leaving()),
      raise: (name, detail) => emit(element, name, detail),
    };
    this.coaching = new Coaching(this.desk, (hint) => (this.#language ? hintText(this.#language, hint) : hint.text));
  }

  /**
   * Make the faces anew.
   * @param {Language} language
   */
  make(language) {
    const faces = {
      hints: new HintCard(language, this.coaching),
      above: make('div', { class: 'place' }),
      below: make('div', { class: 'place' }),
      corrected: () => this.#extras?.corrections.made ?? NONE,
      /** @param {Parameters<import('./correction-panel.js').CorrectionPanel['open']>} question */
      doubt: async (...question) => (await this.extras().catch(() => null))?.faces?.correction.open(...question),
      /** @returns {string} the shown hint's words */
      hint: () => (this.coaching.shown ? hintText(language, this.coaching.shown.hint) : ''),
      extras: () => this.extras(),
      /** @param {boolean} open */
      log: async (open) => (await this.extras()).faces?.log.show(open),
    };
    this.#language = language;
    this.#faces = faces;
    this.#extras?.make(language, hintText, faces);
    return faces;
  }

  /** @returns {Promise<Extras>} what is fetched when it is first wanted */
  extras() {
    this.#coming ??= this.#fetch().catch((error) => {
      this.#coming = null;
      throw error;
    });
    return this.#coming;
  }

  async #fetch() {
    const { Extras } = await import('./extras.js');
    const extras = (this.#extras = new Extras(this.desk, this.coaching));
    if (this.#language && this.#faces) extras.make(this.#language, hintText, this.#faces);
    this.draw(this.#uploads);
    return extras;
  }

  /** A call begins. */
  begin() {
    this.coaching.begin();
    this.#extras?.clear();
    // While the server is there: at the call's end it may not be.
    this.extras().catch(() => {});
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
    const { signal } = this.#leaving;
    if (!heard) return;
    this.extras().then(({ summary }) => (signal.aborted ? undefined : summary.read()), () => {});
  }

  /** The element is in the page. */
  enter() {
    if (this.#leaving.signal.aborted) this.#leaving = new AbortController();
  }

  /** The element is removed: nothing is asked or awaited any more. */
  leave() {
    this.#leaving.abort();
    this.#extras?.clear();
  }

  /** @param {boolean} uploads whether a file may be chosen now */
  draw(uploads) {
    this.#uploads = uploads;
    if (uploads && !this.#extras) this.extras().catch(() => {});
    this.#faces?.hints.draw();
    this.#extras?.draw(uploads);
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
