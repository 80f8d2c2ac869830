/** The server's REST routes, with the token of whoever has signed in. */

import { ERRORS } from './words.js';

export const BASE = '/api/v1';

/** What the server refused, or that it could not be reached (`code` is then `unreachable`, `status` 0). */
export class ApiError extends Error {
  /**
   * @param {string} code for programs
   * @param {string} message for people
   * @param {number} status of the answer
   * @param {number} [retryAfterSec] when to come again, where the server says so
   */
  constructor(code, message, status, retryAfterSec) {
    super(message);
    this.name = 'ApiError';
    this.code = code;
    this.status = status;
    this.retryAfterSec = retryAfterSec;
  }

  /** Whether the sign-in no longer holds. */
  get endsSession() {
    return this.status === 401 || this.code === 'wrong_role';
  }
}

/** @typedef {Record<string, string|number|boolean|null|undefined>|URLSearchParams} Query */

export class Api {
  /**
   * @param {string} token
   * @param {(error: ApiError) => void} onRefused told once a request shows that the sign-in no longer holds
   */
  constructor(token, onRefused) {
    this.token = token;
    this._onRefused = onRefused;
  }

  /**
   * @param {string} path under /api/v1, for example `/queue`
   * @param {Query} [query] what is empty or null is left out
   * @param {AbortSignal} [signal] an aborted request throws `AbortError`, no `ApiError`
   * @returns {Promise<any>} what was answered
   */
  async get(path, query, signal) {
    return (await this.request('GET', path, { query, signal })).json();
  }

  /**
   * @param {'POST'|'DELETE'} method
   * @param {string} path its query included
   * @param {unknown} [body] becomes JSON
   * @param {AbortSignal} [signal]
   * @returns {Promise<any>} what was answered; null where nothing was
   */
  async send(method, path, body, signal) {
    const response = await this.request(method, path, { body, signal });
    return response.status === 204 ? null : response.json();
  }

  /**
   * Fetch a file and hand it to the browser as a download; the token stays out of every address.
   * @param {string} path
   * @param {Query} query
   * @param {string} filename
   * @param {AbortSignal} [signal]
   */
  async download(path, query, filename, signal) {
    const response = await this.request('GET', path, { query, signal });
    const link = document.createElement('a');
    link.href = URL.createObjectURL(await response.blob());
    link.download = filename;
    link.click();
    // The browser has taken hold of it by the next turn; kept longer it would stay in memory.
    setTimeout(() => URL.revokeObjectURL(link.href), 0);
  }

  /**
   * Send a form with a file, and tell how far it is: `fetch` does not say.
   * @param {string} path
   * @param {FormData} form
   * @param {(share: number) => void} onProgress 0…1 of what is to be sent
   * @param {AbortSignal} signal
   * @returns {Promise<any>} what was answered
   */
  upload(path, form, onProgress, signal) {
    const sending = new XMLHttpRequest();
    sending.open('POST', BASE + path);
    sending.setRequestHeader('authorization', `Bearer ${this.token}`);
    sending.upload.onprogress = ({ loaded, total, lengthComputable }) => onProgress(lengthComputable ? loaded / total : 0);
    sending.upload.onload = () => onProgress(1);
    const abort = () => sending.abort();
    signal.addEventListener('abort', abort);
    return new Promise((resolve, reject) => {
      sending.onload = () => {
        if (sending.status < 300) resolve(JSON.parse(sending.responseText));
        else reject(this.refusal(sending.status, sending.responseText, sending.getResponseHeader('retry-after')));
      };
      sending.onerror = () => reject(new ApiError('unreachable', ERRORS.unreachable, 0));
      sending.onabort = () => reject(new DOMException('given up', 'AbortError'));
      sending.onloadend = () => signal.removeEventListener('abort', abort);
      sending.send(form);
    });
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {{query?: Query, body?: unknown, signal?: AbortSignal, headers?: Record<string, string>}} [more]
   * @returns {Promise<Response>} one that is fine
   */
  async request(method, path, { query, body, signal, headers = {} } = {}) {
    const sent = body === undefined ? headers : { ...headers, 'content-type': 'application/json' };
    let response;
    try {
      response = await fetch(BASE + path + asked(query), {
        method,
        headers: { ...sent, authorization: `Bearer ${this.token}` },
        body: body === undefined ? undefined : JSON.stringify(body),
        signal,
        cache: 'no-store',
        credentials: 'omit',
      });
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new ApiError('unreachable', ERRORS.unreachable, 0);
    }
    if (response.ok) return response;
    throw this.refusal(response.status, await response.text().catch(() => ''), response.headers.get('retry-after'));
  }

  /**
   * Make an error of a refusal, and tell where it ends the session.
   * @param {number} status
   * @param {string} text
   * @param {string|null} retryAfter
   * @returns {ApiError}
   */
  refusal(status, text, retryAfter) {
    const { code, message } = told(text);
    const error = new ApiError(code ?? `http_${status}`, ERRORS[code ?? ''] ?? sentence(message), status, Number(retryAfter) || undefined);
    if (error.endsSession) this._onRefused(error);
    return error;
  }
}

/**
 * @param {Query} [query]
 * @returns {string}
 */
function asked(query) {
  if (!query) return '';
  const pairs = query instanceof URLSearchParams ? [...query] : Object.entries(query);
  const said = pairs.filter(([, value]) => value !== null && value !== undefined && value !== '');
  return said.length ? `?${new URLSearchParams(said.map(([name, value]) => [name, String(value)]))}` : '';
}

/**
 * @param {string} [message] the server's, which are parts of sentences
 * @returns {string}
 */
function sentence(message) {
  if (!message) return ERRORS.unknown;
  return `${message[0].toUpperCase()}${message.slice(1)}${/[.!?…]$/.test(message) ? '' : '.'}`;
}

/**
 * @param {string} text a body in the one error shape, or a proxy's page
 * @returns {{code?: string, message?: string}}
 */
function told(text) {
  try {
    return JSON.parse(text).error ?? {};
  } catch {
    return {};
  }
}
