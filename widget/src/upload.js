/** One recording on its way to the server, and what the server made of it. No DOM. */

/**
 * @typedef {import('./messages.js').EmotionMessage} EmotionMessage
 * @typedef {import('./panels.js').Desk} Desk
 *
 * What `POST /api/v1/analyze/stream` answers: a reading of the whole recording, and its segments.
 * @typedef {EmotionMessage & {segments: EmotionMessage[]}} ClipResult
 *
 * @typedef {'too_large'|'bad_type'|'no_speech'|'bad_file'|'not_allowed'|'busy'|'unreachable'|'refused'} UploadFailure
 */

/** @type {Record<number, UploadFailure>} */
const FAILURES = {
  0: 'unreachable', 400: 'bad_file', 401: 'not_allowed', 403: 'not_allowed', 413: 'too_large', 415: 'bad_type',
  422: 'no_speech', 429: 'busy', 503: 'busy',
};

/** Sends one file at a time. */
export class Upload {
  /** @type {'none'|'sending'|'scoring'|'ready'|'failed'} */
  phase = 'none';
  /** How much of it has gone, 0…1. */
  share = 0;
  /** The file's name. */
  name = '';
  /** @type {ClipResult|null} */
  result = null;
  /** @type {UploadFailure} */
  failure = 'refused';
  /** @type {XMLHttpRequest|null} */
  #request = null;

  /** @param {Desk} desk */
  constructor(desk) {
    this.desk = desk;
  }

  /**
   * @param {Blob} file
   * @returns {Promise<ClipResult|null>} null where it failed or was cancelled
   */
  async send(file) {
    this.cancel();
    this.name = file instanceof File ? file.name : '';
    this.share = 0;
    // `fetch` tells nothing of how far an upload is.
    const request = (this.#request = new XMLHttpRequest());
    this.#enter('sending');
    const { server, token } = await this.desk.access().catch(() => ({ server: '', token: '' }));
    if (this.#request !== request) return null;
    if (!token) return this.#fail('not_allowed');
    const status = await this.#exchange(request, server, token, file);
    if (this.#request !== request) return null;
    this.#request = null;
    if (status !== 200 || !request.response) return this.#fail(FAILURES[status] ?? 'refused');
    this.result = request.response;
    this.#enter('ready');
    this.desk.raise('undervoice-upload', request.response);
    return request.response;
  }

  /** Stop sending, or forget what came of it. */
  cancel() {
    const request = this.#request;
    this.#request = null;
    request?.abort();
    this.result = null;
    if (this.phase !== 'none') this.#enter('none');
  }

  /**
   * @param {XMLHttpRequest} request
   * @param {string} server
   * @param {string} token
   * @param {Blob} file
   * @returns {Promise<number>} the status, 0 where there was no answer
   */
  #exchange(request, server, token, file) {
    return new Promise((resolve) => {
      request.open('POST', new URL('api/v1/analyze/stream', server));
      request.setRequestHeader('Authorization', `Bearer ${token}`);
      request.setRequestHeader('Content-Type', kindOf(file));
      request.responseType = 'json';
      request.upload.onprogress = ({ loaded, total }) => this.#progress(request, total ? loaded / total : 0);
      request.upload.onload = () => this.#progress(request, 1);
      request.onloadend = () => resolve(request.status);
      request.send(file);
    });
  }

  /**
   * @param {XMLHttpRequest} request
   * @param {number} share
   */
  #progress(request, share) {
    if (this.#request !== request) return;
    this.share = share;
    this.#enter(share < 1 ? 'sending' : 'scoring');
  }

  /**
   * @param {UploadFailure} failure
   * @returns {null}
   */
  #fail(failure) {
    this.#request = null;
    this.failure = failure;
    this.#enter('failed');
    return null;
  }

  /** @param {Upload['phase']} phase */
  #enter(phase) {
    this.phase = phase;
    this.desk.changed();
  }
}

/**
 * @param {Blob} file
 * @returns {string} what it is sent as; browsers have several names for Ogg, and none for some files
 */
function kindOf(file) {
  // As WAV the server takes whatever begins as a recording does, but nothing else for raw sound.
  return file.type.replace(/^\w+\/ogg/, 'audio/ogg') || 'audio/wav';
}
