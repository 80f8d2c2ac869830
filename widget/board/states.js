/** What a view shows in place of what it has not, or not yet. */

import { make } from '../src/dom.js';
import { button } from './figure.js';
import { WORDS } from './view-words.js';

/** One line that says how things stand; screen readers hear it change. */
export class Standing {
  constructor() {
    this.element = make('div', { class: 'standing', role: 'status', hidden: '' });
  }

  /** @param {string} text nothing hides it */
  say(text) {
    this.element.className = 'standing';
    this.#show(text ? [make('p', {}, [text])] : []);
  }

  /**
   * Nothing is there, and that is no fault.
   * @param {string} title
   * @param {string} text what would fill it, and how
   */
  empty(title, text) {
    this.element.className = 'standing nothing';
    this.#show([make('h2', {}, [title]), make('p', {}, [text])]);
  }

  /**
   * @param {unknown} error
   * @param {() => void} again tries once more
   */
  failed(error, again) {
    this.element.className = 'standing failed';
    const reason = error instanceof Error ? error.message : String(error);
    this.#show([make('h2', {}, [WORDS.failed]), make('p', {}, [reason]), button(WORDS.again, again)]);
  }

  /** @param {Node[]} content */
  #show(content) {
    this.element.replaceChildren(...content);
    this.element.hidden = content.length === 0;
  }
}

/**
 * @param {unknown} error
 * @returns {boolean} whether a request was given up because its view was closed
 */
export function isAborted(error) {
  return error instanceof DOMException && error.name === 'AbortError';
}
