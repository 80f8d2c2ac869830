/** Erases a call, once somebody has typed that this is meant. */

import { make } from '../src/dom.js';
import { button } from './figure.js';
import { isAborted } from './states.js';
import { WORDS } from './view-words.js';

const words = WORDS.erase;

export class Eraser {
  /**
   * @param {import('./api.js').Api} api
   * @param {() => void} erased
   */
  constructor(api, erased) {
    this.api = api;
    this.erased = erased;
    this.id = '';
    this.visit = new AbortController();
    this.lead = make('p');
    this.field = make('input', { type: 'text', name: 'confirmation', autocomplete: 'off', autocapitalize: 'none', spellcheck: 'false' });
    this.field.addEventListener('input', () => this.#ready());
    this.sure = make('button', { type: 'submit', class: 'danger' }, [words.sure]);
    this.problem = make('p', { class: 'problem', role: 'alert' });
    const acts = make('div', { class: 'acts' }, [button(words.cancel, () => this.dialog.close()), this.sure]);
    const label = make('label', { class: 'field' }, [make('span', {}, [words.type(words.word)]), this.field]);
    this.form = make('form', { method: 'dialog' }, [make('h2', { id: 'erase-title' }, [words.title]), this.lead, label, this.problem, acts]);
    this.form.addEventListener('submit', (event) => {
      event.preventDefault();
      void this.#erase();
    });
    this.dialog = make('dialog', { class: 'eraser', 'aria-labelledby': 'erase-title' }, [this.form]);
    this.element = make('div', { class: 'erase' }, [button(words.open, () => this.#open(), { class: 'danger' }), this.dialog]);
  }

  /**
   * @param {string} callId
   * @param {boolean} live
   */
  offer(callId, live) {
    this.id = callId;
    this.lead.textContent = live ? words.leadLive(callId) : words.lead(callId);
    this.element.hidden = false;
  }

  close() {
    this.visit.abort();
    if (this.dialog.open) this.dialog.close();
  }

  #open() {
    this.visit = new AbortController();
    this.field.value = this.problem.textContent = '';
    this.#ready();
    this.dialog.showModal();
    this.field.focus();
  }

  #ready() {
    this.sure.disabled = this.field.value.trim().toLowerCase() !== words.word;
  }

  async #erase() {
    this.sure.disabled = true;
    try {
      await this.api.send('DELETE', `/calls/${encodeURIComponent(this.id)}`, undefined, this.visit.signal);
      this.dialog.close();
      this.erased();
    } catch (error) {
      if (isAborted(error)) return;
      this.problem.textContent = error instanceof Error ? error.message : String(error);
      this.#ready();
    }
  }
}
