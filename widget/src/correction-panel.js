/** Asks what a reading should have been. One panel for the whole element: it opens where it was asked for. */

import { make, makeButton, write } from './dom.js';

/**
 * @typedef {import('./corrections.js').Corrections} Corrections
 * @typedef {import('./messages.js').EmotionMessage} EmotionMessage
 * @typedef {import('./words/language.js').Language} Language
 */

/** The labels of the model where a reading does not bring them. */
const SEVEN = ['neutral', 'happy', 'sad', 'angry', 'surprised', 'fearful', 'disgusted'];

/** A question with one button an answer. */
export class CorrectionPanel {
  /** @type {HTMLElement|null} what the focus goes back to */
  #from = null;
  /** @type {EmotionMessage|null} */
  #drawn = null;
  /** @type {EmotionMessage[]} among which earlier and later ones are found */
  #readings = [];

  /**
   * @param {Language} language
   * @param {Corrections} corrections
   */
  constructor(language, corrections) {
    this.language = language;
    this.corrections = corrections;
    const { correct } = language.text;
    this.question = make('p', { tabindex: '-1' });
    this.answers = make('div', { class: 'buttons', role: 'group', 'aria-label': correct.label });
    this.earlier = makeButton('‹', 'small step', () => this.#step(-1), correct.earlier);
    this.later = makeButton('›', 'small step', () => this.#step(1), correct.later);
    this.status = make('p', { class: 'status' });
    const close = makeButton('×', 'small close', () => this.#close(), correct.close);
    this.element = make('section', { class: 'correct', part: 'correction', 'aria-label': correct.label }, [
      make('header', {}, [this.question, make('span', { class: 'steps' }, [this.earlier, this.later, close])]),
      this.answers,
      this.status,
    ]);
    this.element.hidden = true;
    this.element.addEventListener('keydown', (event) => {
      if (event.key === 'Escape') this.#close();
    });
  }

  /**
   * @param {EmotionMessage} reading
   * @param {EmotionMessage[]} readings among which it stands
   * @param {Element} after where the panel opens
   * @param {HTMLElement|null} from what the focus goes back to
   */
  open(reading, readings, after, from) {
    this.#readings = readings;
    this.#from = from;
    after.append(this.element);
    this.corrections.choose(reading);
    this.question.focus();
  }

  /** Show what holds now. */
  draw() {
    const { open, failed } = this.corrections;
    const done = this.#drawn !== null && open === null;
    const inside = this.element.matches(':focus-within');
    this.element.hidden = open === null;
    write(this.status, failed ? this.language.text.correct.failed : '');
    this.status.hidden = !failed;
    if (open && open !== this.#drawn) this.#ask(open);
    this.#drawn = open;
    if (done && inside) this.#from?.focus();
  }

  /** @param {EmotionMessage} reading */
  #ask(reading) {
    const { language } = this;
    const { correct } = language.text;
    const time = language.clock(reading.start_offset_sec);
    write(this.question, language.fill(correct.question, { time, emotion: language.named(reading) }));
    const known = Object.keys(reading.all_emotions_confidence ?? {});
    const labels = (known.length ? known : SEVEN).filter((label) => reading.uncertain || label !== reading.detected_emotion);
    this.answers.replaceChildren(
      ...labels.map((emotion) => this.#answer(language.emotion(emotion), { emotion })),
      this.#answer(correct.notUpset, { upset: false }),
      this.#answer(correct.unknown, {}),
    );
    const at = this.#readings.indexOf(reading);
    this.earlier.disabled = at <= 0;
    this.later.disabled = at < 0 || at === this.#readings.length - 1;
    this.earlier.hidden = this.later.hidden = this.#readings.length < 2;
  }

  /**
   * @param {string} text
   * @param {import('./corrections.js').Correction} correction
   */
  #answer(text, correction) {
    return makeButton(text, 'small', () => void this.corrections.correct(correction));
  }

  /** @param {number} by */
  #step(by) {
    const at = this.#readings.indexOf(/** @type {EmotionMessage} */ (this.corrections.open));
    const next = this.#readings[at + by];
    if (next) this.corrections.choose(next);
  }

  #close() {
    this.corrections.choose(null);
  }
}
