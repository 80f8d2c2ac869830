/** Why a call could not start or go on, as one of the strings table's states. */

/**
 * States in which no call runs because something went wrong.
 * @typedef {'insecure'|'unsupported'|'no_token'|'mic_denied'|'no_device'|'device_busy'|'tab_denied'|'tab_silent'|
 *   'no_audio_track'|'bad_file'|'not_allowed'|'origin_refused'|'full'|'too_many'|'unreachable'|'refused'|'lost'|
 *   'bad_start'|'consent'|'idle_closed'|'call_exists'|'too_fast'|'too_long'|'overloaded'|'internal'|'drained'} FailureState
 */

/** A failure with its state; the text shown comes from the strings table. */
export class Failure extends Error {
  /**
   * @param {FailureState} state
   * @param {string} [detail] what the browser or the server said
   */
  constructor(state, detail = '') {
    super(detail || state);
    this.name = 'Failure';
    this.state = state;
    this.detail = detail;
  }
}

/** @type {Record<number, FailureState>} The wire's close codes (protocol, "Close codes"). */
const BY_CLOSE_CODE = {
  1001: 'drained',
  1009: 'bad_start',
  1011: 'internal',
  1013: 'overloaded',
  4400: 'bad_start',
  4401: 'not_allowed',
  4403: 'consent',
  4408: 'idle_closed',
  4409: 'call_exists',
  4429: 'too_fast',
  4440: 'too_long',
};

/** @type {Record<number, FailureState>} What a refusal over HTTP means. */
const BY_STATUS = { 401: 'not_allowed', 403: 'not_allowed', 429: 'too_many', 503: 'full' };

/**
 * @param {number} code close code of a call that had started
 * @param {string} [detail]
 * @returns {Failure}
 */
export function closeFailure(code, detail) {
  return new Failure(BY_CLOSE_CODE[code] ?? 'lost', detail);
}

/**
 * @param {number} status HTTP status of the question after a refused upgrade
 * @returns {Failure}
 */
export function statusFailure(status) {
  return new Failure(BY_STATUS[status] ?? 'refused', `HTTP ${status}`);
}

/**
 * @param {unknown} error what getUserMedia threw
 * @returns {Failure}
 */
export function microphoneFailure(error) {
  const name = error instanceof DOMException ? error.name : '';
  if (name === 'NotAllowedError' || name === 'SecurityError') return new Failure('mic_denied', name);
  if (name === 'NotReadableError' || name === 'AbortError') return new Failure('device_busy', name);
  return new Failure('no_device', name);
}
