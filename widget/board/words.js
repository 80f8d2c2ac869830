/** Every word of the board's frame, its wall and its queue, in one table. */

export const BOARD = {
  name: 'undervoice',
  title: (/** @type {string} */ view) => `${view} – undervoice`,
  views: 'Views',
  skip: 'Skip to the content',
  signOut: 'Sign out',
  live: 'Live',
  connecting: 'Connecting…',
  lost: 'Not connected',
  newAlerts: (/** @type {number} */ count) => `${count} new ${count === 1 ? 'alert' : 'alerts'}`,
  unknown: 'There is no such page',
  unknownMore: 'The address names no view of the board. The views are above.',
  failed: 'This view could not be shown.',
  again: 'Try again',
};

/** What the navigation calls each view. @type {Record<string, string>} */
export const VIEWS = { wall: 'Wall', queue: 'Queue', trends: 'Trends', log: 'Log', alerts: 'Alerts' };

export const SIGN_IN = {
  title: 'Sign in',
  lead: 'Paste a supervisor’s token, or the link that you were given.',
  label: 'Token or link',
  submit: 'Sign in',
  checking: 'Asking the server…',
  how: 'Where does one come from?',
  howMore: 'On the server, this prints one that is good for eight hours:',
  command: 'undervoice token --role supervisor --ttl 28800',
  link: 'Added to this page’s address as #token=…, it makes a link. The token is taken out of the address at once and kept for this tab alone.',
  empty: 'Paste a token first.',
  malformed: 'This is no token: one has three parts with dots between them. Was all of it copied?',
  agent: 'This is an agent’s token. The board shows everybody’s calls, so that it needs a supervisor’s.',
  integrator: 'This is an integrator’s token. The board needs a supervisor’s.',
  role: 'This token is not a supervisor’s. The board needs one that is.',
  expired: 'This token has expired. Ask for a new one; you will be back where you were.',
  revoked: 'This token has been revoked. Ask whoever runs the server for a new one.',
  invalid: 'This token is not one of this server’s.',
};

/** Sentences for what the server refuses, where its own are not meant for people at a desk. @type {Record<string, string>} */
export const ERRORS = {
  unreachable: 'The server cannot be reached.',
  unknown: 'The server answered in a way that this page does not understand.',
  token_missing: SIGN_IN.invalid,
  token_invalid: SIGN_IN.invalid,
  token_expired: SIGN_IN.expired,
  token_revoked: SIGN_IN.revoked,
  wrong_role: SIGN_IN.role,
  store_down: 'The store does not answer at the moment. Live calls go on; what is stored cannot be read.',
  too_many: 'This token has asked for too much at once. It goes on in a moment.',
  too_many_streams: 'This token watches in too many tabs already. Close one of them.',
  full: 'Too many people watch at the moment.',
  too_slow: 'This computer could not keep up with what is told.',
  draining: 'The server is being restarted.',
  unknown_call: 'No call of this id is known.',
  unknown_caller: 'Nobody of this id waits any more.',
  queue_full: 'Too many callers wait already.',
  no_speech: 'Nobody speaks in this recording.',
  call_erased: 'This call was erased.',
};

/** Shapes go with them: colour says nothing alone. */
export const STATES = { none: 'Listening…', ended: 'Ended' };

export const TRENDS = { rising: 'rising', steady: 'steady', calming: 'calming' };

/** @type {Record<import('./context.js').Severity, string>} */
export const SEVERITIES = { info: 'Note', warning: 'Warning', critical: 'Act now' };

export const WALL = {
  title: 'Live calls',
  all: 'All',
  fresh: 'New alerts',
  moods: 'Show calls by mood',
  find: 'Find a call or an agent',
  table: 'Live calls, new alerts first, then by priority',
  columns: { mood: 'Mood', call: 'Call', trend: 'Trend', upset: 'Upset for', minute: 'Last minute', alert: 'Last alert', priority: 'Priority' },
  fresh1: 'New',
  noAgent: 'no agent',
  empty: 'No live calls',
  emptyMore: 'A call appears here the moment an agent’s meter begins to listen, and leaves when it ends.',
  emptyHow: 'To see one now, open the page whose address the server printed at its start, or play a recording as a call beside it:',
  emptyCommand: 'undervoice stream recording.wav',
  nobody: 'No live call fits',
  nobodyMore: 'Calls are going on, but none is as asked for above.',
  showAll: 'Show all calls',
  loading: 'Waiting for the server to tell which calls go on…',
  lost: (/** @type {string} */ since) => `The line to the server is lost since ${since}. What you see is old.`,
  retrying: 'It is tried again by itself.',
  now: 'Try now',
  order: 'New warnings come first, for a minute. Then calls stand by priority: how upset and how excited the customer sounds. Rows move every two seconds at most, and not under your pointer.',
};

export const QUEUE = {
  title: 'Waiting callers',
  lead: (/** @type {number} */ waiting) => `${waiting} ${waiting === 1 ? 'caller waits' : 'callers wait'}`,
  bound: (/** @type {number} */ bound) => `Nobody is ever passed by more than ${bound} later callers.`,
  pace: (/** @type {string} */ time, /** @type {number} */ services) => `One is served every ${time}, going by the last ${services}.`,
  noPace: (/** @type {number} */ services) => `No time estimates yet: they need six served callers, and there ${services === 1 ? 'is' : 'are'} ${services}.`,
  front: (/** @type {number} */ shown) => `The first ${shown} are shown.`,
  table: 'Waiting callers, the next one first',
  columns: { position: 'Place', call: 'Caller', sound: 'Sounds', priority: 'Priority', passed: 'May be passed by', estimate: 'Served in', action: 'Action' },
  clip: 'recording',
  call: 'call',
  waits: 'waits',
  mayPass: (/** @type {number} */ count) => (count === 0 ? 'nobody any more' : `at most ${count} later ${count === 1 ? 'caller' : 'callers'}`),
  noEstimate: 'not known yet',
  estimate: (/** @type {string} */ least, /** @type {string} */ most) => (least === most ? `about ${least}` : `${least} to ${most}`),
  parts: { upset: 'upset', arousal: 'excited', words: 'words', age: 'waiting' },
  serve: 'Served',
  remove: 'Remove',
  served: (/** @type {string} */ id) => `${id} is served.`,
  removed: (/** @type {string} */ id) => `${id} is off the queue.`,
  gone: (/** @type {string} */ id) => `${id} had left the queue already.`,
  yes: 'Remove for good',
  no: 'Keep',
  how: 'How the order is made',
  formula: (/** @type {{upset: number, arousal: number, words: number, step: number}} */ weights) =>
    `Priority is ${weights.upset} × upset + ${weights.arousal} × excited + words (−${weights.words} to ${weights.words}) + age. Every newcomer adds ${weights.step} to the age of all who wait, so that nobody waits for ever.`,
  hint: 'Upset and excited are how the voice sounds, from 0 to 1. Words count where a transcript was sent. Times are estimates from how fast callers were served lately; the number of those who may pass is a promise.',
  empty: 'Nobody waits',
  emptyMore: 'Callers come here through POST /api/v1/queue, for example from your telephone system, with a recording or a known call. You can add one yourself above.',
  loading: 'Asking who waits…',
  stale: 'The queue could not be read again. What you see is old.',
  add: 'Add a caller',
  byCall: 'A known call',
  byClip: 'A recording',
  kind: 'Who is it?',
  callId: 'Call id',
  callHint: 'A call that is going on, or one from the log.',
  file: 'Recording',
  fileHint: 'WAV, FLAC or Ogg, 25 MB at most. It is scored and not kept.',
  clipId: 'Id for it (may be left empty)',
  text: 'What was said (may be left empty)',
  textHint: 'Its tone counts for the priority, in English. It is neither stored nor logged.',
  submit: 'Add to the queue',
  cancel: 'Cancel',
  sending: 'Sending the recording',
  scoring: 'Listening to it…',
  added: (/** @type {string} */ id, /** @type {number} */ position) => `${id} waits at place ${position}.`,
  noCall: 'Say which call.',
  noFile: 'Choose a recording.',
};

/**
 * @param {number} seconds
 * @returns {string} a length of time as people say it
 */
export function duration(seconds) {
  if (seconds < 60) return `${Math.round(seconds)} s`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} min`;
  return `${Math.floor(seconds / 3600)} h ${Math.round((seconds % 3600) / 60)} min`;
}

/**
 * @param {Date} moment
 * @returns {string} hh:mm:ss where the reader is
 */
export function timeOfDay(moment) {
  return moment.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', second: '2-digit' });
}
