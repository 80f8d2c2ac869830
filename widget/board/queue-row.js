/** One waiting caller: where it stands, why, how long that may take, and what to do about it. */

import { make, makeButton, write } from '../src/dom.js';
import { percent } from '../src/strings.js';
import { en } from '../src/words/en.js';
import { hashOf } from './router.js';
import { reshape, shape } from './svg.js';
import { QUEUE, duration } from './words.js';

/**
 * @typedef {import('./context.js').Waiting} Waiting
 * @typedef {import('./context.js').WaitingPage} WaitingPage
 * @typedef {'served'|'removed'} Reason
 */

const PARTS = /** @type {const} */ (['upset', 'arousal', 'words', 'age']);

export class QueueRow {
  /**
   * @param {string} callId
   * @param {(callId: string, reason: Reason) => void} onLeave
   */
  constructor(callId, onLeave) {
    this._position = make('span', { class: 'number' });
    this._about = make('span', { class: 'about' });
    this._shape = shape('none');
    this._sound = make('span');
    this._priority = make('b');
    this._parts = PARTS.map((name) => make('i', { 'data-part': name }));
    this._why = make('span', { class: 'why' });
    this._passed = make('span');
    this._estimate = make('span');
    this._actions = make('div', { role: 'cell', class: 'action' });
    this._calm = [
      makeButton(QUEUE.serve, 'main', () => onLeave(callId, 'served'), `${QUEUE.serve}: ${callId}`),
      makeButton(QUEUE.remove, '', () => this._ask(true), `${QUEUE.remove}: ${callId}`),
    ];
    this._sure = [
      makeButton(QUEUE.yes, 'act', () => onLeave(callId, 'removed'), `${QUEUE.yes}: ${callId}`),
      makeButton(QUEUE.no, '', () => this._ask(false), `${QUEUE.no}: ${callId}`),
    ];
    this._actions.append(...this._calm);
    this.element = make('div', { role: 'row', class: 'row' }, [
      cell('position', '', [this._position]),
      cell('who', '', [make('a', { href: hashOf('calls', [callId]) }, [callId]), this._about]),
      cell('sound', '', [this._shape, this._sound]),
      cell('priority', QUEUE.columns.priority, [this._priority, make('span', { class: 'parts', 'aria-hidden': 'true' }, this._parts), this._why]),
      cell('passed', QUEUE.columns.passed, [this._passed]),
      cell('estimate', QUEUE.columns.estimate, [this._estimate]),
      this._actions,
    ]);
  }

  /**
   * @param {Waiting} caller
   * @param {WaitingPage['weights']} weights
   * @param {number} most the highest priority on the page
   */
  paint(caller, weights, most) {
    write(this._position, String(caller.position));
    this.element.classList.toggle('next', caller.position === 1);
    write(this._about, `${QUEUE[caller.source]} · ${QUEUE.waits} ${duration(caller.waited_sec)}`);
    this._paintSound(caller);
    this._paintPriority(caller, weights, most);
    write(this._passed, QUEUE.mayPass(caller.may_pass));
    const { wait_sec: least, longest_wait_sec: longest } = caller;
    const known = typeof least === 'number' && typeof longest === 'number';
    write(this._estimate, known ? QUEUE.estimate(duration(least), duration(longest)) : QUEUE.noEstimate);
  }

  /** @param {Waiting} caller */
  _paintSound({ mood, detected_emotion: emotion, confidence_score: confidence, uncertain, upset_score: upset }) {
    this.element.dataset.mood = mood ?? '';
    reshape(this._shape, mood ?? 'none');
    this._shape.classList.toggle('none', !mood);
    const heard = uncertain ? en.unsure : emotion ? `${emotion} ${percent(confidence ?? 0)}` : '';
    write(this._sound, mood ? `${en.moods[mood]} ${Math.round(upset * 100)}` : heard || percent(upset));
  }

  /**
   * @param {Waiting} caller
   * @param {WaitingPage['weights']} weights
   * @param {number} most
   */
  _paintPriority(caller, weights, most) {
    const points = {
      upset: weights.upset * caller.upset_score, arousal: weights.arousal * caller.arousal, words: caller.words, age: caller.age,
    };
    write(this._priority, String(Math.round(caller.priority)));
    const said = PARTS.filter((name) => Math.round(points[name]) !== 0);
    write(this._why, said.map((name) => `${QUEUE.parts[name]} ${Math.round(points[name])}`).join(' + ').replaceAll('+ words -', '− words '));
    for (const part of this._parts) {
      const share = Math.max(0, points[/** @type {keyof typeof points} */ (part.dataset.part)]) / Math.max(1, most);
      part.style.setProperty('--share', share.toFixed(3));
    }
  }

  /** @param {boolean} sure whether to ask once more */
  _ask(sure) {
    this._actions.replaceChildren(...(sure ? this._sure : this._calm));
    this._actions.querySelector('button')?.focus();
  }
}

/**
 * @param {string} name
 * @param {string} label what it is, where there is no room for the column's head
 * @param {Node[]} content
 */
function cell(name, label, content) {
  return make('div', { role: 'cell', class: name, 'data-label': label }, content);
}
