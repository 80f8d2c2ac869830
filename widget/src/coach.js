/** When an agent may want a word of advice: rules in data, at most one hint in 30 s of the call. No DOM, no clock. */

/**
 * What must hold, all of it. The score is the server's smoothed one, 0…1.
 * @typedef {object} HintCondition
 * @property {MoodState} [state] the mood's state is this one
 * @property {MoodState} [after] the state has just changed, and was this one before
 * @property {number} [heldSec] the state has lasted so long
 * @property {number} [rise] the score rose so far within `withinSec`
 * @property {number} [withinSec] 10 unless given, 30 at most
 * @property {number} [from] the score is at least this
 *
 * What a button of a hint raises. A name alone gets its label from the strings.
 * @typedef {string|{action: string, label: string}} HintAction
 *
 * One rule. A rule with the name of one of the server's speaks in its place: with `text` instead of its message and with
 * `actions` instead of its own; an empty `text` keeps it quiet.
 * @typedef {object} HintRule
 * @property {string} rule its name
 * @property {HintCondition} [when] without it the rule only speaks for the server's
 * @property {string} [text] one sentence for the agent; from the strings unless given
 * @property {'info'|'warning'|'critical'} [severity] `warning` unless given
 * @property {HintAction[]} [actions]
 * @property {number} [cooldownSec] how long it keeps quiet after it was shown, 60 unless given
 *
 * @typedef {object} Hint
 * @property {string} rule
 * @property {string} text empty where the strings have it
 * @property {'info'|'warning'|'critical'} severity
 * @property {HintAction[]} actions
 * @property {number} offsetSec where in the call it was called for
 * @property {boolean} alerted whether the server raised it too, and so knows it by rule and offset
 *
 * @typedef {import('./messages.js').MoodState} MoodState
 * @typedef {import('./messages.js').MoodMessage} MoodMessage
 * @typedef {import('./messages.js').AlertMessage} AlertMessage
 */

/** Least time between two hints, in seconds of the call. */
const PAUSE_SEC = 30;
/** A hint that could not be shown for so long is out of date. */
const FRESH_SEC = 20;
/** The longest time over which a rise is looked for. */
const SPAN_SEC = 30;
const RANKS = { info: 0, warning: 1, critical: 2 };
/** The server's rules on how the line sounds: the meter tells that by itself, and no agent can answer it. */
const OF_THE_LINE = new Set(['too_quiet', 'clipping', 'noisy_line']);

/** @type {readonly HintRule[]} */
export const HINT_RULES = [
  { rule: 'upset_lasting', when: { state: 'upset', heldSec: 20 }, actions: ['suggest_supervisor', 'open_kb'], cooldownSec: 90 },
  { rule: 'upset_rising', when: { rise: 0.12, withinSec: 12, from: 0.45 }, actions: ['open_kb'] },
  { rule: 'recovered', when: { state: 'calm', after: 'recovering' }, severity: 'info' },
];

/** Advises during one call. */
export class Coach {
  /** @type {{atSec: number, score: number}[]} */
  #scores = [];
  /** @type {MoodMessage|null} */
  #mood = null;
  /** @type {Hint[]} called for and not shown yet */
  #waiting = [];
  /** @type {Map<string, number>} when each rule was shown last */
  #shown = new Map();
  #lastSec = -Infinity;
  /** Until when nothing is shown. */
  quietUntilSec = -Infinity;

  /** @param {readonly HintRule[]} [rules] */
  constructor(rules = HINT_RULES) {
    this.rules = rules;
  }

  /**
   * @param {MoodMessage} mood
   * @param {number} atSec the end of the reading that it follows
   */
  hear(mood, atSec) {
    const before = this.#mood?.state ?? 'calm';
    this.#mood = mood;
    this.#scores = this.#scores.filter((each) => each.atSec < atSec && atSec - each.atSec <= SPAN_SEC);
    this.#scores.push({ atSec, score: mood.upset_score });
    this.#waiting = this.#waiting.filter((each) => this.#stillFits(each));
    for (const row of this.rules) {
      if (row.when && this.#holds(row.when, before, atSec)) this.#call(row, { text: row.text ?? '', actions: row.actions ?? [], offsetSec: atSec, alerted: false });
    }
  }

  /** @param {AlertMessage} alert what one of the server's rules says */
  alert({ rule, severity, message, actions = [], offset_sec }) {
    const row = this.rules.find((each) => each.rule === rule);
    if (OF_THE_LINE.has(rule) || row?.text === '') return;
    // A rule of ours that has words in the strings alone: those are what the hint says.
    const text = row ? row.text ?? '' : message;
    this.#call({ rule, severity, ...row }, { text, actions: row?.actions ?? actions, offsetSec: offset_sec, alerted: true });
  }

  /**
   * @param {number} atSec now
   * @returns {Hint|null} what is to be shown now; the next call gives the next
   */
  next(atSec) {
    this.#waiting = this.#waiting.filter((each) => atSec - each.offsetSec <= FRESH_SEC && atSec >= this.quietUntilSec);
    if (this.#waiting.length === 0 || atSec - this.#lastSec < PAUSE_SEC) return null;
    // Stable: among equals the one called for first.
    const [hint] = this.#waiting.sort((a, b) => RANKS[b.severity] - RANKS[a.severity]);
    this.#waiting = [];
    this.#lastSec = atSec;
    this.#shown.set(hint.rule, atSec);
    return hint;
  }

  /**
   * @param {HintRule} row
   * @param {Pick<Hint, 'text'|'actions'|'offsetSec'|'alerted'>} said
   */
  #call({ rule, severity = 'warning', cooldownSec = 60 }, said) {
    const shownSec = this.#shown.get(rule) ?? -Infinity;
    const waits = this.#waiting.find((each) => each.rule === rule);
    if (waits && said.alerted) Object.assign(waits, { alerted: true, offsetSec: said.offsetSec });
    else if (!waits && said.offsetSec - shownSec >= cooldownSec) this.#waiting.push({ rule, severity, ...said });
  }

  /**
   * @param {HintCondition} when
   * @param {MoodState} before
   * @param {number} atSec
   * @returns {boolean}
   */
  #holds(when, before, atSec) {
    const mood = this.#mood;
    if (!mood || (when.state && mood.state !== when.state)) return false;
    if (when.after && (before !== when.after || mood.state === before)) return false;
    if (when.heldSec && !(atSec - mood.since_sec >= when.heldSec)) return false;
    if (when.from && mood.upset_score < when.from) return false;
    const within = this.#scores.filter((each) => atSec - each.atSec <= (when.withinSec ?? 10));
    return !when.rise || mood.upset_score - Math.min(...within.map((each) => each.score)) >= when.rise;
  }

  /**
   * @param {Hint} hint one that waits
   * @returns {boolean} whether the call has not gone another way meanwhile
   */
  #stillFits({ rule, severity }) {
    const state = this.#mood?.state;
    const asked = this.rules.find((each) => each.rule === rule)?.when?.state;
    if (asked) return asked === state;
    return severity === 'info' || state === 'tense' || state === 'upset';
  }
}
