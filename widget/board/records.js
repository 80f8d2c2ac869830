/**
 * What the server has kept, as REST answers it.
 *
 * @typedef {object} Segment a final reading
 * @property {string} segment_id
 * @property {string} call_id
 * @property {string|null} agent_id
 * @property {string} channel
 * @property {number} start_offset_sec
 * @property {number} end_offset_sec
 * @property {string} detected_emotion
 * @property {number} confidence_score
 * @property {Record<string, number>} all_emotions_confidence
 * @property {number} upset_score
 * @property {number} arousal
 * @property {boolean} uncertain
 * @property {{level_dbfs: number, snr_db: number, clipped?: number, short?: boolean}} quality
 * @property {string} model
 * @property {string} timestamp
 *
 * @typedef {object} SegmentPage
 * @property {Segment[]} items
 * @property {string|null} [next_cursor]
 * @property {string|null} [follow] asks for what is stored after this answer
 *
 * @typedef {object} Totals
 * @property {number} audio_sec
 * @property {number} speech_sec
 * @property {number} segments
 * @property {number} dropped_sec
 * @property {number} short_sec
 * @property {number} paused_sec
 *
 * @typedef {object} Summary
 * @property {Record<string, number>} emotion_distribution
 * @property {number} upset_share
 * @property {{offset_sec: number, upset_score: number}|null} peak
 * @property {import('./context.js').MoodState} ended_as
 * @property {{offset_sec: number, state: import('./context.js').MoodState}[]} [course] the states after the first calm one
 * @property {number|null} [turned_sec] from there on it was not upset any more
 * @property {{rule: string, offset_sec: number, recovered_sec: number}[]} [helped] hints that were followed by recovery
 *
 * @typedef {object} Mood
 * @property {import('./context.js').MoodState} state
 * @property {number} since_sec
 * @property {number} upset_score
 * @property {number} upset_sec
 * @property {number} trend
 * @property {number} priority
 *
 * @typedef {object} Call
 * @property {string} call_id
 * @property {string|null} agent_id
 * @property {'call'|'clip'} kind
 * @property {boolean} live
 * @property {string} started_at
 * @property {string|null} [ended_at]
 * @property {string|null} [reason]
 * @property {Mood|null} [mood]
 * @property {Totals} totals
 * @property {import('./context.js').LoggedAlert[]} alerts
 * @property {Summary|null} [summary]
 * @property {string} model
 * @property {{basis: string, notice_id?: string|null}|null} [consent]
 * @property {Record<string, unknown>} metadata
 *
 * @typedef {object} Feedback an agent's word on a reading
 * @property {string} segment_id
 * @property {boolean} correct
 * @property {string|null} [emotion] what it should have been
 * @property {string} timestamp
 *
 * @typedef {object} HintFeedback an agent's word on a hint
 * @property {string} rule
 * @property {boolean} useful
 * @property {number} offset_sec
 *
 * @typedef {object} CallFeedback
 * @property {Feedback[]} items
 * @property {HintFeedback[]} hints
 *
 * @typedef {object} AuditLine
 * @property {string} time
 * @property {string} action
 * @property {string} [role]
 * @property {string} [subject]
 * @property {string} [token_id]
 * @property {number} [status] absent: announced, before it happened
 * @property {string} [code] why it was refused
 *
 * @typedef {object} CallAudit
 * @property {AuditLine[]} items
 * @property {boolean} complete whether there are no older ones
 *
 * @typedef {object} Rule
 * @property {string} rule
 * @property {import('./context.js').Severity} severity
 * @property {string} message
 * @property {number} cooldown_sec
 * @property {Record<string, string|number>} conditions
 * @property {string[]} actions
 */

export {};
