/** Every word that the element shows, in one table. */

/**
 * The states of the element. Those without a running call besides `idle` and `ended` are failures.
 * @typedef {'idle'|'connecting'|'blocked'|'listening'|'paused'|'reconnecting'|'stopping'|'ended'|import('./failure.js').FailureState} State
 */

/** @type {Record<State, {word: string, note: string}>} */
export const STATES = {
  idle: { word: 'Ready', note: 'Click to start.' },
  connecting: { word: 'Connecting…', note: 'Opening the audio and the line to the server.' },
  blocked: { word: 'Click to start', note: 'The browser holds the audio back until you click.' },
  listening: { word: 'Listening…', note: 'Waiting for the customer to speak.' },
  paused: { word: 'Paused', note: 'Nothing is sent or kept until you resume.' },
  reconnecting: { word: 'Reconnecting…', note: 'The line to the server is lost. The last 30 s of the call are kept for when it is back.' },
  stopping: { word: 'Ending…', note: 'Waiting for the last readings.' },
  ended: { word: 'Call ended', note: 'The readings are in the log.' },
  insecure: { word: 'Needs https', note: 'Browsers give sound only to pages opened over https or on this computer.' },
  unsupported: { word: 'Not supported', note: 'This browser cannot capture this sound.' },
  no_token: { word: 'No token', note: 'This page has no token for the server. Open it through a link that carries one.' },
  mic_denied: { word: 'Microphone denied', note: 'Allow the microphone for this page in the address bar, then start again.' },
  no_device: { word: 'No microphone', note: 'No microphone was found. Plug one in, then start again.' },
  device_busy: { word: 'Microphone busy', note: 'Another program holds the microphone. Close it, then start again.' },
  tab_denied: { word: 'Nothing shared', note: 'No tab was chosen. Start again and pick the tab with the call.' },
  tab_silent: { word: 'Tab without sound', note: 'The tab was shared without its sound. Start again and tick “share tab audio”.' },
  no_audio_track: { word: 'No sound', note: 'This stream has no audio track.' },
  bad_file: { word: 'Cannot play file', note: 'The file could not be read as a recording.' },
  not_allowed: { word: 'Not allowed', note: 'The server did not accept this token. It may have expired; ask for a new one.' },
  origin_refused: { word: 'Not allowed', note: 'The server does not accept calls from this page’s address.' },
  full: { word: 'Server full', note: 'The server takes no more calls at the moment. Try again shortly.' },
  too_many: { word: 'Too many calls', note: 'This token has too many open calls. End one, then start again.' },
  unreachable: { word: 'Server unreachable', note: 'The server does not answer. Check the network, then start again.' },
  refused: { word: 'Call refused', note: 'The server did not take the call. Try again shortly.' },
  lost: { word: 'Connection lost', note: 'The line to the server broke and did not come back. Readings up to then are in the log.' },
  bad_start: { word: 'Call refused', note: 'The server did not understand how this page starts a call.' },
  consent: { word: 'Not allowed', note: 'The server needs a stated consent basis, or a token for this role.' },
  idle_closed: { word: 'Call closed', note: 'The server heard nothing from this page for a minute.' },
  call_exists: { word: 'Call already open', note: 'This call is or was scored elsewhere.' },
  too_fast: { word: 'Call closed', note: 'Audio arrived faster than real time for too long.' },
  too_long: { word: 'Call closed', note: 'The call reached the longest time that the server allows.' },
  overloaded: { word: 'Server overloaded', note: 'The server gave this call up. Try again shortly.' },
  internal: { word: 'Server error', note: 'Something failed on the server. Readings up to then are in the log.' },
  drained: { word: 'Server restarting', note: 'The server is being restarted. Start again in a moment.' },
};

/** @type {Record<import('./messages.js').MoodState, string>} */
export const MOODS = { calm: 'Calm', tense: 'Tense', upset: 'Upset', recovering: 'Recovering' };

/**
 * Each emotion's letter in the strip: its first, but for `surprised`, which would be taken for `sad`.
 * @type {Record<string, string>}
 */
const LETTERS = { neutral: 'N', happy: 'H', sad: 'S', angry: 'A', surprised: 'U', fearful: 'F', disgusted: 'D' };

/**
 * A label that is not one of the seven gets the first letter of its name that no other label has.
 * @param {string} emotion
 * @param {string[]} labels all that the model knows
 * @returns {string} the emotion's letter in the strip
 */
export function letterOf(emotion, labels) {
  if (LETTERS[emotion]) return LETTERS[emotion];
  const taken = new Set(labels.map((label) => LETTERS[label]));
  for (const label of [...labels.filter((each) => !LETTERS[each]), emotion]) {
    const letter = [...label.toUpperCase()].find((each) => /[\p{L}\p{N}]/u.test(each) && !taken.has(each)) ?? '·';
    if (label === emotion) return letter;
    taken.add(letter);
  }
  return '·';
}

export const WORDS = {
  meter: 'How upset the customer sounds',
  unsure: 'Unsure',
  unsureNote: 'unsure',
  noReading: 'No reading yet',
  provisional: 'so far',
  silence: 'Silence',
  speaking: 'Speaking',
  noAudio: 'No sound is arriving',
  stale: 'No news from the server for 5 s. What you see is old.',
  kept: 'Sound is kept',
  back: 'Connected again',
  pausedAway: 'The line to the server is lost. Paused: nothing is kept until you resume.',
  old: 'Reconnecting, last known',
  upsetFor: 'Upset for',
  zones: ['calm', 'tense', 'upset'],
  timeline: 'Segments of this call',
  columns: ['From', 'To', 'Emotion', 'Confidence'],
  microphone: 'Use this microphone',
  tab: 'Share a tab’s sound',
  unblock: 'Click to start',
  pause: 'Pause',
  resume: 'Resume',
  stop: 'End call',
  log: 'Recent readings',
  logLoading: 'Reading the log…',
  logEmpty: 'No readings yet. They appear here once a call has been scored.',
  logFailed: 'The log could not be read.',
  logRefresh: 'Refresh',
  scoring: { microphone: 'Scoring this microphone', tab: 'Scoring a shared tab', stream: 'Scoring the call', file: 'Scoring a recording' },
};

/**
 * @param {number} confidence 0…1
 * @returns {string} confidence as a word, so that the number need not be judged at a glance
 */
export function confidenceWord(confidence) {
  if (confidence >= 0.8) return 'clear';
  return confidence >= 0.55 ? 'likely' : 'faint';
}

/**
 * @param {number} seconds of the call
 * @returns {string} mm:ss
 */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  return `${String(Math.floor(whole / 60)).padStart(2, '0')}:${String(whole % 60).padStart(2, '0')}`;
}

/**
 * @param {number} share 0…1
 * @returns {string}
 */
export function percent(share) {
  return `${Math.round(share * 100)}\u00a0%`;
}
