/** The hints of one element: which is shown, what was done with it, and until when there shall be none. No DOM. */

import { Coach, HINT_RULES } from './coach.js';

/**
 * @typedef {import('./coach.js').Hint} Hint
 * @typedef {import('./coach.js').HintRule} HintRule
 * @typedef {import('./messages.js').ServerMessage} ServerMessage
 * @typedef {import('./panels.js').Desk} Desk
 *
 * A hint that the agent acted on or found useful.
 * @typedef {object} UsedHint
 * @property {Hint} hint
 * @property {number} atSec when it was shown
 * @property {boolean|null} useful null where the agent did not say
 * @property {Set<string>} done the actions that were raised
 */

/** A hint stays this long, in seconds of the call. */
const SHOWN_SEC = 30;
/** And this long while the pointer or the focus is on it: what is about to be pressed shall not go. */
const HELD_SEC = 90;
/** The shorter snooze, in seconds of the call. */
export const SNOOZE_SEC = 300;

/** Shows at most one hint at a time. */
export class Coaching {
  /** What an integrator may replace. @type {readonly HintRule[]} */
  rules = HINT_RULES;
  /** @type {UsedHint|null} what is shown */
  shown = null;
  /** @type {UsedHint[]} every hint of the call, by time */
  told = [];
  /** Whether the pointer or the focus is on the card. */
  held = false;
  #coach = new Coach();
  /** The call's clock as far as it is known, in seconds. */
  #atSec = 0;
  /** The end of the newest final reading. */
  #readSec = 0;

  /**
   * @param {Desk} desk
   * @param {(hint: Hint) => string} words what a hint says in the language that holds
   */
  constructor(desk, words) {
    this.desk = desk;
    this.words = words;
  }

  /** A call begins. */
  begin() {
    this.#coach = new Coach(this.rules);
    this.#atSec = this.#readSec = 0;
    this.shown = null;
    this.told = [];
  }

  /** The call is over: nothing is left to advise. */
  end() {
    this.shown = null;
    this.#coach.quietUntilSec = -Infinity;
  }

  /** @returns {number} until when hints are snoozed, in seconds of the call; 0 where they are not */
  get snoozedSec() {
    return this.#coach.quietUntilSec > this.#atSec ? this.#coach.quietUntilSec : 0;
  }

  /** @param {ServerMessage} message */
  message(message) {
    if (message.type === 'emotion' && message.final) this.#readSec = message.end_offset_sec;
    if (message.type === 'mood') this.#coach.hear(message, this.#readSec);
    if (message.type === 'alert') this.#alert(message);
    const offsetSec = message.type === 'alert' ? message.offset_sec : this.#readSec;
    this.tick(offsetSec);
  }

  /** @param {number} atSec the call's clock */
  tick(atSec) {
    this.#atSec = Math.max(this.#atSec, atSec);
    const stays = this.held ? HELD_SEC : SHOWN_SEC;
    if (this.shown && this.#atSec - this.shown.atSec > stays) this.#take();
    if (this.shown && this.held) return;
    const hint = this.#coach.next(this.#atSec);
    if (hint) this.#show(hint);
  }

  /** @param {string} action one of the shown hint's */
  act(action) {
    if (!this.shown) return;
    this.shown.done.add(action);
    this.desk.raise('undervoice-action', { action, ...this.#about(this.shown) });
    this.desk.changed();
  }

  /** @param {boolean} useful what the agent says of the shown hint */
  judge(useful) {
    if (!this.shown || this.shown.useful === useful) return;
    this.shown.useful = useful;
    const { rule, offsetSec, alerted } = this.shown.hint;
    this.desk.raise('undervoice-hint-feedback', { useful, ...this.#about(this.shown) });
    // Of the widget's own hints the server knows nothing: what was said of them is for the page.
    if (alerted) this.desk.tell({ type: 'hint_feedback', rule, useful, offset_sec: offsetSec });
    this.desk.changed();
  }

  /** @param {number} seconds for how long there shall be no hint; `Infinity`: for the rest of the call */
  snooze(seconds) {
    this.#coach.quietUntilSec = this.#atSec + seconds;
    this.dismiss();
  }

  /** Advise again after `snooze`. */
  wake() {
    this.#coach.quietUntilSec = -Infinity;
    this.desk.changed();
  }

  /** Take the shown hint away. */
  dismiss() {
    this.#take();
    this.desk.changed();
  }

  #take() {
    this.shown = null;
    this.held = false;
  }

  /** @param {import('./messages.js').AlertMessage} alert */
  #alert(alert) {
    const { hint } = this.shown ?? {};
    // A rule of both sides fires here first, with the mood: the alert that follows is the same hint.
    if (hint && hint.rule === alert.rule && hint.offsetSec === alert.offset_sec) hint.alerted = true;
    else this.#coach.alert(alert);
  }

  /** @param {Hint} hint */
  #show(hint) {
    this.shown = { hint, atSec: this.#atSec, useful: null, done: new Set() };
    this.told.push(this.shown);
    const { severity } = hint;
    const actions = hint.actions.map((each) => (typeof each === 'string' ? each : each.action));
    this.desk.raise('undervoice-hint', { severity, text: this.words(hint), actions, ...this.#about(this.shown) });
  }

  /** @param {UsedHint} used */
  #about({ hint }) {
    return { rule: hint.rule, callId: this.desk.callId, offsetSec: hint.offsetSec };
  }
}
