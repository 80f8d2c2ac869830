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
   * @param {boolean} [retryable] whether the same call may succeed a moment later
   * @param {number} [retryAfterMs] how long the server wants to be left alone
   */
  constructor(state, detail = '', retryable = false, retryAfterMs = 0) {
    super(detail || state);
    this.name = 'Failure';
    this.state = state;
    this.detail = detail;
    this.retryable = retryable;
    this.retryAfterMs = retryAfterMs;
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

/** Closes that say nothing against the call: gone away, no status, lost, internal, restarting, overloaded. */
const PASSING_CODES = new Set([1001, 1005, 1006, 1011, 1012, 1013]);

/** @type {Record<number, FailureState>} What a refusal over HTTP means. */
const BY_STATUS = { 401: 'not_allowed', 403: 'not_allowed', 429: 'too_many', 503: 'full' };
/** Refusals that stay what they are; any other may be a proxy's that waits for its server. */
const LASTING_STATUSES = new Set([401, 403]);

/**
 * @param {number} code close code of a call that had started
 * @param {import('./messages.js').ErrorMessage|null} error what the server said before
 * @returns {Failure}
 */
export function closeFailure(code, error) {
  const retryable = PASSING_CODES.has(code) || error?.retryable === true;
  return new Failure(BY_CLOSE_CODE[code] ?? 'lost', error?.message, retryable, error?.retry_after_ms ?? 0);
}

/**
 * @param {number} status HTTP status of the question after a refused upgrade
 * @param {number} [retryAfterMs]
 * @returns {Failure}
 */
export function statusFailure(status, retryAfterMs) {
  return new Failure(BY_STATUS[status] ?? 'refused', `HTTP ${status}`, !LASTING_STATUSES.has(status), retryAfterMs);
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
