/** Lets a caller into the queue: a known call, or a recording. */

import { make, makeButton, write } from '../src/dom.js';
import { ApiError } from './api.js';
import { ERRORS, QUEUE } from './words.js';

/** @typedef {import('./context.js').Waiting} Waiting */

export class AddCaller {
  /**
   * @param {import('./api.js').Api} api
   * @param {(caller: Waiting) => void} onAdded
   */
  constructor(api, onAdded) {
    this._api = api;
    this._onAdded = onAdded;
    /** @type {AbortController|null} */
    this._sending = null;
    this._callId = make('input', { id: 'add-call', autocomplete: 'off', spellcheck: 'false', maxlength: '128', 'aria-describedby': 'add-call-hint' });
    this._clipId = make('input', { id: 'add-clip-id', autocomplete: 'off', spellcheck: 'false', maxlength: '128' });
    this._file = make('input', { id: 'add-file', type: 'file', accept: 'audio/*,.wav,.flac,.ogg', 'aria-describedby': 'add-file-hint' });
    this._text = make('textarea', { id: 'add-text', rows: '3', maxlength: '4096', 'aria-describedby': 'add-text-hint' });
    this._kinds = [kind('call', QUEUE.byCall, true), kind('clip', QUEUE.byClip, false)];
    this._forCall = make('div', { class: 'fields' }, field(this._callId, QUEUE.callId, QUEUE.callHint));
    this._forClip = make('div', { class: 'fields' }, [...field(this._file, QUEUE.file, QUEUE.fileHint), ...field(this._clipId, QUEUE.clipId)]);
    this._progress = make('progress', { max: '1', value: '0', 'aria-label': QUEUE.sending });
    this._note = make('p', { class: 'note', role: 'status' });
    this._submit = make('button', { type: 'submit', class: 'main' }, [QUEUE.submit]);
    this._form = this._build();
    this.element = make('details', { class: 'add' }, [make('summary', {}, [QUEUE.add]), this._form]);
    this._choose();
  }

  /** Give up what is being sent. */
  close() {
    this._sending?.abort();
  }

  _build() {
    const form = make('form', {}, [
      make('fieldset', { class: 'kinds' }, [make('legend', {}, [QUEUE.kind]), ...this._kinds.map(({ label }) => label)]),
      this._forCall, this._forClip,
      make('div', { class: 'fields' }, field(this._text, QUEUE.text, QUEUE.textHint)),
      this._progress, this._note,
      make('div', { class: 'buttons' }, [this._submit, makeButton(QUEUE.cancel, '', () => this._cancel())]),
    ]);
    form.addEventListener('change', () => this._choose());
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      void this._send();
    });
    return form;
  }

  get _isClip() {
    return this._kinds[1].input.checked;
  }

  _choose() {
    this._forCall.hidden = this._isClip;
    this._forClip.hidden = !this._isClip;
    this._progress.hidden = this._sending === null || !this._isClip;
  }

  _cancel() {
    this.close();
    this._say('');
    this.element.open = false;
    this.element.querySelector('summary')?.focus();
  }

  async _send() {
    const missing = this._isClip ? !this._file.files?.length && QUEUE.noFile : !this._callId.value.trim() && QUEUE.noCall;
    if (missing || this._sending) {
      this._say(missing || '', true);
      return;
    }
    this._sending = new AbortController();
    this._submit.disabled = true;
    this._choose();
    try {
      const caller = await (this._isClip ? this._sendClip(this._sending.signal) : this._sendCall(this._sending.signal));
      this._form.reset();
      this._say(QUEUE.added(caller.call_id, caller.position));
      this._onAdded(caller);
    } catch (error) {
      if (!(error instanceof DOMException)) this._say(error instanceof ApiError ? error.message : ERRORS.unknown, true);
    } finally {
      this._sending = null;
      this._submit.disabled = false;
      this._choose();
    }
  }

  /** @param {AbortSignal} signal @returns {Promise<Waiting>} */
  _sendCall(signal) {
    const text = this._text.value.trim();
    return this._api.send('POST', '/queue', { call_id: this._callId.value.trim(), ...(text && { text }) }, signal);
  }

  /** @param {AbortSignal} signal @returns {Promise<Waiting>} */
  _sendClip(signal) {
    const form = new FormData();
    form.append('audio_file', /** @type {FileList} */ (this._file.files)[0]);
    const said = { call_id: this._clipId.value.trim(), text: this._text.value.trim() };
    for (const [name, value] of Object.entries(said)) if (value) form.append(name, value);
    this._say(QUEUE.sending);
    return this._api.upload('/queue', form, (share) => {
      this._progress.value = share;
      this._say(share < 1 ? QUEUE.sending : QUEUE.scoring);
    }, signal);
  }

  /** @param {string} text @param {boolean} [wrong] */
  _say(text, wrong = false) {
    write(this._note, text);
    this._note.dataset.wrong = String(wrong);
  }
}

/**
 * @param {HTMLElement} input
 * @param {string} label
 * @param {string} [hint]
 * @returns {HTMLElement[]}
 */
function field(input, label, hint) {
  const told = hint ? [make('p', { class: 'hint', id: `${input.id}-hint` }, [hint])] : [];
  return [make('label', { for: input.id }, [label]), input, ...told];
}

/**
 * @param {string} value
 * @param {string} text
 * @param {boolean} chosen
 */
function kind(value, text, chosen) {
  const input = make('input', { type: 'radio', name: 'kind', value, ...(chosen ? { checked: '' } : {}) });
  return { input, label: make('label', {}, [input, ` ${text}`]) };
}
