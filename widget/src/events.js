/**
 * The element's events. All bubble and cross shadow roots; `detail` is the server's message unless said otherwise.
 *
 * | event | detail |
 * |---|---|
 * | `undervoice-state` | `StateDetail`: the element's state changed |
 * | `undervoice-speech` | `SpeechMessage`: the customer began or ceased to speak |
 * | `undervoice-emotion` | `EmotionMessage`: a reading, provisional or final; after a reconnection it may come again, with the same id |
 * | `undervoice-mood` | `MoodMessage`: the smoothed mood |
 * | `undervoice-alert` | `AlertMessage`: a rule fired |
 * | `undervoice-stats` | `StatsMessage`: every 5 s |
 * | `undervoice-warning` | `WarningMessage`: something was refused, the call goes on |
 * | `undervoice-error` | `ErrorMessage`: the server ends the connection, and unless `retryable` the call; the state follows |
 * | `undervoice-ended` | `StoppedMessage`: the call's totals |
 * | `undervoice-hint` | `HintDetail`: a hint is shown |
 * | `undervoice-action` | `ActionDetail`: the agent pressed one of a hint's buttons; the page does what it says |
 * | `undervoice-hint-feedback` | `HintFeedbackDetail`: the agent said whether a hint was useful |
 * | `undervoice-feedback` | `FeedbackDetail`: the agent said that a reading is wrong; the server has been told |
 * | `undervoice-upload` | `ClipResult`: a recording that was uploaded is scored |
 *
 * @typedef {object} StateDetail
 * @property {import('./strings.js').State} state
 * @property {string} word the words shown for it
 * @property {string} detail what the browser or the server said, in its own words; may be empty
 * @property {string} callId
 * @property {number|null} rateHz the audio context's real rate, once known
 * @property {number} lostSec seconds of the call so far that were not scored because the line was too slow or away too long
 *
 * What all details about hints have: the rule, the call, and the place in it, in seconds.
 * @typedef {{rule: string, callId: string, offsetSec: number}} AboutHint
 * @typedef {AboutHint & {severity: 'info'|'warning'|'critical', text: string, actions: string[]}} HintDetail
 * @typedef {AboutHint & {action: string}} ActionDetail
 * @typedef {AboutHint & {useful: boolean}} HintFeedbackDetail
 * @typedef {{callId: string, segment_id: string, correct: boolean, emotion?: string, upset?: false}} FeedbackDetail
 *
 * @typedef {object} EventDetails
 * @property {StateDetail} undervoice-state
 * @property {import('./messages.js').SpeechMessage} undervoice-speech
 * @property {import('./messages.js').EmotionMessage} undervoice-emotion
 * @property {import('./messages.js').MoodMessage} undervoice-mood
 * @property {import('./messages.js').AlertMessage} undervoice-alert
 * @property {import('./messages.js').StatsMessage} undervoice-stats
 * @property {import('./messages.js').WarningMessage} undervoice-warning
 * @property {import('./messages.js').ErrorMessage} undervoice-error
 * @property {import('./messages.js').StoppedMessage} undervoice-ended
 * @property {HintDetail} undervoice-hint
 * @property {ActionDetail} undervoice-action
 * @property {HintFeedbackDetail} undervoice-hint-feedback
 * @property {FeedbackDetail} undervoice-feedback
 * @property {import('./upload.js').ClipResult} undervoice-upload
 */

/** @type {Partial<Record<import('./messages.js').ServerMessage['type'], keyof EventDetails>>} */
export const EVENT_OF = {
  speech: 'undervoice-speech',
  emotion: 'undervoice-emotion',
  mood: 'undervoice-mood',
  alert: 'undervoice-alert',
  stats: 'undervoice-stats',
  warning: 'undervoice-warning',
  error: 'undervoice-error',
  stopped: 'undervoice-ended',
};

/**
 * @template {keyof EventDetails} Name
 * @param {EventTarget} target
 * @param {Name} name
 * @param {EventDetails[Name]} detail
 */
export function emit(target, name, detail) {
  target.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true }));
}
