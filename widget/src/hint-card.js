/** Draws the one hint that is shown, and the line that says that hints are snoozed. */

import { SNOOZE_SEC } from './coaching.js';
import { make, makeButton, write } from './dom.js';
import { en } from './words/en.js';

/**
 * @typedef {import('./coaching.js').Coaching} Coaching
 * @typedef {import('./coaching.js').UsedHint} UsedHint
 * @typedef {import('./coach.js').Hint} Hint
 * @typedef {import('./coach.js').HintAction} HintAction
 * @typedef {import('./words/language.js').Language} Language
 */

/**
 * What a hint says.
 * @typedef {(language: Language, hint: Hint) => string} HintText
 */

/** One card, drawn anew for every hint and kept while it is the same: what has the focus must stay. */
export class HintCard {
  /** @type {UsedHint|null} */
  #drawn = null;

  /**
   * @param {Language} language
   * @param {Coaching} coaching
   */
  constructor(language, coaching) {
    this.language = language;
    this.coaching = coaching;
    const { text } = language;
    this.words = make('p');
    this.actions = make('div', { class: 'buttons' });
    this.yes = makeButton(text.hint.yes, 'small', () => coaching.judge(true));
    this.no = makeButton(text.hint.no, 'small', () => coaching.judge(false));
    this.card = make('section', { class: 'hint', part: 'hint', 'aria-label': text.hint.label }, [
      make('header', {}, [this.words, makeButton('×', 'small close', () => coaching.dismiss(), text.hint.close)]),
      this.actions,
      make('div', { class: 'foot', role: 'group', 'aria-label': text.hint.useful }, [
        make('span', { 'aria-hidden': 'true' }, [text.hint.useful]), this.yes, this.no,
      ]),
      make('div', { class: 'foot' }, [
        make('span', {}, [text.hint.snooze]),
        makeButton(text.hint.minutes, 'plain small', () => this.#snooze(SNOOZE_SEC), `${text.hint.snooze} ${text.hint.minutes}`),
        makeButton(text.hint.call, 'plain small', () => this.#snooze(Infinity), `${text.hint.snooze} ${text.hint.call}`),
      ]),
    ]);
    this.until = make('span');
    this.wake = makeButton(text.hint.wake, 'plain small', () => coaching.wake());
    this.snoozed = make('p', { class: 'snoozed' }, [this.until, this.wake]);
    this.element = make('div', { class: 'hints' }, [this.card, this.snoozed]);
    for (const type of ['pointerenter', 'pointerleave', 'focusin', 'focusout']) {
      this.card.addEventListener(type, () => this.#hold());
    }
  }

  /** Show what holds now. */
  draw() {
    const { shown, snoozedSec } = this.coaching;
    this.card.hidden = shown === null;
    this.snoozed.hidden = snoozedSec === 0;
    this.element.hidden = this.card.hidden && this.snoozed.hidden;
    const { untilTime, untilEnd } = this.language.text.hint;
    if (snoozedSec > 0) {
      const time = this.language.clock(snoozedSec);
      write(this.until, snoozedSec === Infinity ? untilEnd : this.language.fill(untilTime, { time }));
    }
    if (!shown) this.#drawn = null;
    else this.#drawHint(shown);
  }

  /** @param {UsedHint} shown */
  #drawHint(shown) {
    if (shown !== this.#drawn) {
      this.#drawn = shown;
      this.card.dataset.severity = shown.hint.severity;
      write(this.words, hintText(this.language, shown.hint));
      this.actions.replaceChildren(...shown.hint.actions.map((each) => this.#makeAction(each)));
      this.actions.hidden = shown.hint.actions.length === 0;
    }
    for (const button of this.actions.querySelectorAll('button')) {
      button.classList.toggle('done', shown.done.has(button.value));
    }
    this.yes.setAttribute('aria-pressed', String(shown.useful === true));
    this.no.setAttribute('aria-pressed', String(shown.useful === false));
  }

  /** @param {HintAction} action */
  #makeAction(action) {
    const name = typeof action === 'string' ? action : action.action;
    const button = makeButton(actionLabel(this.language, action), '', () => this.coaching.act(name));
    button.value = name;
    return button;
  }

  /** @param {number} seconds */
  #snooze(seconds) {
    this.coaching.snooze(seconds);
    // The pressed button is gone; whoever works by keyboard goes on from what took its place.
    this.wake.focus();
  }

  #hold() {
    this.coaching.held = this.card.matches(':hover, :has(:focus-visible)');
  }
}

/**
 * @param {Language} language
 * @param {Hint} hint
 * @returns {string} its words: its own, else the table's; the server's own rules are told in the reader's language too
 */
export function hintText({ text }, { rule, text: own }) {
  const known = /** @type {Record<string, string>} */ (text.hints);
  if (!own) return known[rule] ?? rule;
  const [says, shown] = /** @type {Record<string, string>[]} */ ([en.alerts, text.alerts]);
  return says[rule] === own ? shown[rule] : own;
}

/**
 * @param {Language} language
 * @param {HintAction} action
 * @returns {string} what its button says
 */
export function actionLabel({ text }, action) {
  if (typeof action !== 'string') return action.label;
  const known = /** @type {Record<string, string>} */ (text.actions);
  return known[action] ?? action.replaceAll('_', ' ');
}
