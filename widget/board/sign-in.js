/** The page before the board: who are you? */

import { make, write } from '../src/dom.js';
import { Api, ApiError } from './api.js';
import { claimsOf, tokenIn } from './session.js';
import { ERRORS, SIGN_IN } from './words.js';

export class SignIn {
  /** @param {(token: string) => void} onToken told of a token that the server accepts for a supervisor */
  constructor(onToken) {
    this._onToken = onToken;
    this._input = make('input', {
      id: 'token', type: 'password', autocomplete: 'off', spellcheck: 'false', autocapitalize: 'none',
      'aria-describedby': 'sign-in-note',
    });
    this._note = make('p', { id: 'sign-in-note', class: 'note', role: 'alert' });
    this._button = make('button', { type: 'submit', class: 'main' }, [SIGN_IN.submit]);
    const form = make('form', {}, [
      make('label', { for: 'token' }, [SIGN_IN.label]), this._input, this._note, this._button,
    ]);
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      void this.offer(this._input.value);
    });
    this.element = make('div', { class: 'sign-in' }, [make('p', {}, [SIGN_IN.lead]), form, how()]);
  }

  /** @param {string} [reason] why one has to sign in again */
  open(reason = '') {
    this._input.value = '';
    this._say(reason);
    this._input.focus();
  }

  /**
   * Take a token or a link that carries one.
   * @param {string} text
   */
  async offer(text) {
    const token = tokenIn(text);
    const fault = faultOf(token);
    if (fault) {
      this._say(fault);
      return;
    }
    this._say(SIGN_IN.checking, false);
    this._button.disabled = true;
    const refusal = await refusalOf(token);
    this._button.disabled = false;
    this._say(refusal);
    if (!refusal) this._onToken(token);
  }

  /** @param {string} text @param {boolean} [wrong] */
  _say(text, wrong = true) {
    write(this._note, text);
    this._note.hidden = text === '';
    this._note.dataset.wrong = String(wrong);
    this._input.setAttribute('aria-invalid', String(wrong && text !== ''));
  }
}

/**
 * What can be seen without asking the server.
 * @param {string} token
 * @returns {string} a sentence, or nothing
 */
function faultOf(token) {
  if (!token) return SIGN_IN.empty;
  const claims = claimsOf(token);
  if (!claims) return SIGN_IN.malformed;
  if (claims.role === 'agent') return SIGN_IN.agent;
  if (claims.role === 'integrator') return SIGN_IN.integrator;
  return claims.role === 'supervisor' ? '' : SIGN_IN.role;
}

/**
 * Whether the server accepts it. The route shows nothing of anybody, so that trying leaves no line in the audit log.
 * @param {string} token
 * @returns {Promise<string>} a sentence, or nothing
 */
async function refusalOf(token) {
  try {
    await new Api(token, () => {}).get('/model');
    return '';
  } catch (error) {
    return error instanceof ApiError ? error.message : ERRORS.unknown;
  }
}

/** @returns {HTMLElement} how to come by a token */
function how() {
  return make('details', {}, [
    make('summary', {}, [SIGN_IN.how]),
    make('p', {}, [SIGN_IN.howMore]),
    make('pre', { tabindex: '0' }, [make('code', {}, [SIGN_IN.command])]),
    make('p', {}, [SIGN_IN.link]),
  ]);
}
