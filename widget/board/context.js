/**
 * What the parts of the board agree on.
 *
 * @typedef {object} Context what every view is given
 * @property {import('./api.js').Api} api
 * @property {import('./feed.js').Feed} feed
 * @property {(hash: string, how?: {replace: boolean}) => void} go opens an address of the board, for example `#/calls/c-1`;
 *   with `replace` the one before is not gone back to
 *
 * @typedef {object} View one page of the board; it lives as long as the sign-in and is opened and closed many times
 * @property {HTMLElement} element what it shows, under the board's heading
 * @property {string} title the heading; asked for after each `open`
 * @property {(path: string[], query: URLSearchParams) => void} open it is on the screen now; `path` is what follows its name
 * @property {() => void} close it is not any more, or will be opened anew at once: no timer, request or listener is left
 *
 * @typedef {'calm'|'tense'|'upset'|'recovering'} MoodState
 * @typedef {'info'|'warning'|'critical'} Severity
 *
 * @typedef {object} LastAlert
 * @property {string} rule
 * @property {Severity} severity
 * @property {string} message
 * @property {number} offset_sec
 * @property {string} timestamp
 *
 * @typedef {object} LiveCall a call's row, whatever event brings it
 * @property {string} call_id
 * @property {string|null} [agent_id]
 * @property {string|null} [started_at]
 * @property {string|null} [ended_at]
 * @property {string|null} [reason] why it ended
 * @property {number} [audio_sec]
 * @property {MoodState|null} [state]
 * @property {number|null} [since_sec]
 * @property {number|null} [upset_score] smoothed, 0…1
 * @property {number|null} [upset_sec]
 * @property {number|null} [trend] falling below 0, rising above, at most 1
 * @property {number} [priority]
 * @property {number} [alerts]
 * @property {LastAlert|null} [last_alert]
 *
 * @typedef {object} LoggedAlert
 * @property {string} alert_id
 * @property {string} call_id
 * @property {string|null} agent_id
 * @property {string} rule
 * @property {Severity} severity
 * @property {string} message
 * @property {string[]} actions
 * @property {number} offset_sec
 * @property {string} timestamp
 *
 * @typedef {object} Waiting a caller in the queue
 * @property {string} call_id
 * @property {'clip'|'call'} source
 * @property {number} upset_score
 * @property {number} arousal
 * @property {MoodState|null} [mood]
 * @property {string|null} [detected_emotion]
 * @property {number|null} [confidence_score]
 * @property {boolean} uncertain
 * @property {string} arrived_at
 * @property {number} position
 * @property {number} priority
 * @property {number} score
 * @property {number} words
 * @property {number} age
 * @property {number} waited_sec
 * @property {number} may_pass
 * @property {number|null} wait_sec
 * @property {number|null} longest_wait_sec
 *
 * @typedef {object} WaitingPage
 * @property {Waiting[]} items
 * @property {number} waiting
 * @property {number} bound
 * @property {{upset: number, arousal: number, words: number, step: number}} weights
 * @property {number|null} service_sec
 * @property {number} services
 */

export {};
