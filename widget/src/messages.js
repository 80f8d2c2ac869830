/**
 * The wire's messages as the element reads them (protocol version 1). Times are seconds of call audio.
 *
 * @typedef {'calm'|'tense'|'upset'|'recovering'} MoodState
 *
 * @typedef {object} StartedMessage
 * @property {'started'} type
 * @property {string} session_id
 * @property {{name: string, version: string, labels: string[]}} model
 * @property {number} [resume_from_sample] where a call that was lost goes on
 *
 * @typedef {object} SpeechMessage
 * @property {'speech'} type
 * @property {'started'|'ended'} state
 * @property {number} offset_sec
 * @property {string} channel
 *
 * How well a segment could be heard.
 * @typedef {object} Quality
 * @property {number} level_dbfs
 * @property {number} snr_db level over the noise
 * @property {number} [clipped] share of samples at full scale, 0 unless given
 *
 * @typedef {object} EmotionMessage
 * @property {'emotion'} type
 * @property {string} segment_id the same audio has the same id, so that a reading may come twice after a reconnection
 * @property {string} call_id
 * @property {string} channel
 * @property {boolean} final false for a provisional reading of a segment that is still open
 * @property {string} trigger
 * @property {number} start_offset_sec
 * @property {number} end_offset_sec
 * @property {string} detected_emotion one of the model's labels
 * @property {number} confidence_score 0…1
 * @property {Record<string, number>} all_emotions_confidence
 * @property {number} upset_score 0…1
 * @property {number} arousal
 * @property {boolean} uncertain the model abstains
 * @property {Quality} [quality]
 * @property {number} latency_ms
 * @property {string} timestamp RFC 3339, UTC
 *
 * @typedef {object} MoodMessage
 * @property {'mood'} type
 * @property {MoodState} state
 * @property {number} since_sec
 * @property {number} upset_score smoothed, 0…1
 * @property {number} upset_sec total
 * @property {number} trend −1…1
 * @property {number} priority
 *
 * @typedef {object} AlertMessage
 * @property {'alert'} type
 * @property {string} rule
 * @property {'info'|'warning'|'critical'} severity
 * @property {string} message
 * @property {string[]} actions
 * @property {number} offset_sec
 *
 * @typedef {object} PausedMessage
 * @property {'paused'|'resumed'} type
 * @property {number} offset_sec
 * @property {number} discarded_sec
 *
 * @typedef {object} StatsMessage
 * @property {'stats'} type
 * @property {number} received_sec
 * @property {number} processed_sec
 * @property {number} lag_ms
 * @property {number} dropped_sec
 *
 * @typedef {object} WarningMessage
 * @property {'warning'} type
 * @property {string} code
 * @property {string} message
 *
 * @typedef {object} ErrorMessage
 * @property {'error'} type
 * @property {string} code
 * @property {string} message
 * @property {boolean} retryable
 * @property {number|null} [retry_after_ms]
 *
 * @typedef {object} CheckpointMessage
 * @property {'checkpoint'} type
 * @property {string} token opaque; gives the call back on any server of the deployment
 * @property {number} sample the call sample that it stands for
 *
 * @typedef {object} ReconnectMessage
 * @property {'reconnect'} type
 * @property {number} deadline_ms
 *
 * @typedef {object} AnswerMessage
 * @property {'flushed'|'pong'} type
 *
 * @typedef {object} StoppedMessage
 * @property {'stopped'} type
 * @property {string} reason
 * @property {{audio_sec: number, speech_sec: number, segments: number}} totals
 *
 * What `GET /api/v1/calls/{call_id}` answers of a call that is over, as far as the element reads it.
 * @typedef {object} CallRecord
 * @property {MoodMessage|null} mood at its end
 * @property {{audio_sec: number, segments: number}} totals
 * @property {CallSummary|null} summary
 *
 * @typedef {object} CallSummary
 * @property {Record<string, number>} emotion_distribution segments by label
 * @property {number} upset_share 0…1
 * @property {{offset_sec: number, upset_score: number}|null} peak
 * @property {MoodState} ended_as
 * @property {{offset_sec: number, state: MoodState}[]} [course] the states after the first calm one
 * @property {number|null} [turned_sec] from there on not upset any more
 * @property {{rule: string, offset_sec: number, recovered_sec: number}[]} [helped] hints that were followed by recovery
 *
 * @typedef {StartedMessage|SpeechMessage|EmotionMessage|MoodMessage|AlertMessage|PausedMessage|StatsMessage|
 *   WarningMessage|ErrorMessage|CheckpointMessage|ReconnectMessage|AnswerMessage|StoppedMessage} ServerMessage
 */

const KNOWN = new Set([
  'started', 'speech', 'emotion', 'mood', 'alert', 'paused', 'resumed', 'stats', 'warning', 'error', 'checkpoint',
  'reconnect', 'flushed', 'pong', 'stopped',
]);

/**
 * Read one text frame.
 * @param {unknown} data
 * @returns {ServerMessage|null} null for what this version does not know: a newer server must not end a call
 */
export function readMessage(data) {
  if (typeof data !== 'string') return null;
  try {
    const message = JSON.parse(data);
    return KNOWN.has(message?.type) ? message : null;
  } catch {
    return null;
  }
}
