/** Lets a recording be chosen or dropped, shows how far it is, and what came of it. */

import { make, makeButton, write } from './dom.js';

/**
 * @typedef {import('./messages.js').EmotionMessage} EmotionMessage
 * @typedef {import('./upload.js').ClipResult} ClipResult
 * @typedef {import('./upload.js').Upload} Upload
 * @typedef {import('./words/language.js').Language} Language
 */

/** A region that is there where uploads are offered, and while one is under way. */
export class UploadPanel {
  /** @type {ClipResult|null} */
  #drawn = null;

  /**
   * @param {Language} language
   * @param {Upload} upload
   */
  constructor(language, upload) {
    this.language = language;
    this.upload = upload;
    const { text } = language;
    this.file = make('input', { type: 'file', accept: '.wav,.flac,.ogg,.oga,.opus,audio/wav,audio/flac,audio/ogg', tabindex: '-1', class: 'sr', 'aria-hidden': 'true' });
    this.file.addEventListener('change', () => this.#take(this.file.files?.[0]));
    this.choose = makeButton(text.upload.choose, 'small', () => this.file.click());
    this.drop = make('p', { class: 'drop' }, [make('span', {}, [text.upload.drop]), this.choose]);
    this.name = make('b');
    this.bar = make('progress', { max: '1', 'aria-label': text.upload.label });
    this.status = make('p', { class: 'status', role: 'status' });
    this.end = makeButton(text.upload.cancel, 'small', () => this.#end());
    this.rows = make('ol', { class: 'rows', tabindex: '0', 'aria-label': text.timeline });
    const header = make('header', {}, [this.name, this.end]);
    this.under = make('div', { class: 'under' }, [header, this.bar, this.status, this.rows]);
    this.element = make('section', { class: 'upload', part: 'upload', 'aria-label': text.upload.label }, [this.drop, this.under, this.file]);
    for (const type of ['dragover', 'dragleave', 'drop']) {
      this.element.addEventListener(type, (event) => this.#drag(/** @type {DragEvent} */ (event)));
    }
  }

  /**
   * Show what holds now.
   * @param {boolean} offered whether a file may be chosen now
   */
  draw(offered) {
    const { phase, share, name, result } = this.upload;
    const { text } = this.language;
    const busy = phase === 'sending' || phase === 'scoring';
    this.element.hidden = phase === 'none' && !offered;
    this.drop.hidden = busy || phase === 'ready' || !offered;
    this.under.hidden = phase === 'none';
    write(this.name, name);
    write(this.end, busy ? text.upload.cancel : text.upload.close);
    this.bar.hidden = !busy;
    if (phase === 'scoring') this.bar.removeAttribute('value');
    else this.bar.value = share;
    write(this.status, this.#status());
    this.rows.hidden = result === null;
    if (result === this.#drawn) return;
    this.#drawn = result;
    this.rows.replaceChildren(...(result?.segments ?? []).map((each) => drawSegment(each, this.language)));
  }

  /** @returns {string} how it stands, in words */
  #status() {
    const { phase, share, result, failure } = this.upload;
    const { text } = this.language;
    if (phase === 'sending') return this.language.fill(text.upload.sending, { share: this.language.percent(share) });
    if (phase === 'scoring') return text.upload.scoring;
    if (phase === 'failed') return text.upload.failures[failure];
    if (!result) return '';
    return `${this.language.describe(result)} · ${this.language.count(result.segments.length, text.logCount)}`;
  }

  /** @param {File|undefined} file */
  #take(file) {
    if (file) void this.upload.send(file);
    // So that the same file can be chosen again.
    this.file.value = '';
  }

  #end() {
    this.upload.cancel();
    this.choose.focus();
  }

  /** @param {DragEvent} event */
  #drag(event) {
    if (this.drop.hidden) return;
    event.preventDefault();
    this.drop.classList.toggle('over', event.type === 'dragover');
    if (event.type === 'drop') this.#take(event.dataTransfer?.files[0]);
  }
}

/**
 * @param {EmotionMessage} segment
 * @param {Language} language
 * @returns {HTMLElement}
 */
function drawSegment(segment, language) {
  const from = language.clock(segment.start_offset_sec);
  const dot = make('span', { class: segment.uncertain ? 'dot unsure' : 'dot', 'data-emotion': segment.detected_emotion });
  const what = make('span', { class: 'who' }, [language.named(segment)]);
  return make('li', {}, [make('time', {}, [from]), dot, what, language.percent(segment.confidence_score)]);
}
