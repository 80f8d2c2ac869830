/** Draws a call's summary for the agent: how it went, when it turned, how it ended, what helped. */

import { make, makeButton } from './dom.js';

/**
 * @typedef {import('./coaching.js').Coaching} Coaching
 * @typedef {import('./messages.js').CallRecord} CallRecord
 * @typedef {import('./messages.js').CallSummary} CallSummary
 * @typedef {import('./messages.js').MoodState} MoodState
 * @typedef {import('./summary.js').Summary} Summary
 * @typedef {import('./words/language.js').Language} Language
 */

/** Turns of the mood shown; of a restless call the latest. */
const TURNS = 6;
/** Emotions shown, the most frequent first. */
const EMOTIONS = 3;
/** Hints shown under what helped. */
const HELPED = 4;

/** A region that is there between two calls. */
export class SummaryCard {
  /** @type {CallRecord|string|null} */
  #drawn = null;

  /**
   * @param {Language} language
   * @param {Summary} summary
   * @param {Coaching} coaching
   * @param {import('./hint-card.js').HintText} hintText
   */
  constructor(language, summary, coaching, hintText) {
    this.language = language;
    this.summary = summary;
    this.coaching = coaching;
    this.hintText = hintText;
    this.status = make('p', { class: 'status', role: 'status' });
    this.again = makeButton(language.text.summary.again, 'small', () => void summary.read());
    this.body = make('div');
    const title = make('h2', {}, [language.text.summary.label]);
    this.element = make('section', { class: 'summary', part: 'summary' }, [title, this.status, this.again, this.body]);
  }

  /** Show what holds now. */
  draw() {
    const { phase, call } = this.summary;
    this.element.hidden = phase === 'none';
    const key = call ?? phase;
    if (key === this.#drawn) return;
    this.#drawn = key;
    const { loading, failed } = this.language.text.summary;
    this.status.hidden = phase === 'ready';
    this.status.textContent = phase === 'loading' ? loading : phase === 'failed' ? failed : '';
    this.again.hidden = phase !== 'failed';
    this.body.replaceChildren(...(call?.summary ? this.#tell(call, call.summary) : []));
  }

  /**
   * @param {CallRecord} call
   * @param {CallSummary} summary
   * @returns {HTMLElement[]}
   */
  #tell(call, summary) {
    const { text } = this.language;
    const { totals } = call;
    if (totals.segments === 0) return [make('p', {}, [text.summary.nothing])];
    const worst = worstOf(call, summary);
    const went = text.summary.worst[worst];
    const ended = worst === 'calm' ? '' : ` ${text.summary.ended[summary.ended_as]}`;
    const rows = [
      [text.summary.length, [`${this.language.clock(totals.audio_sec)} · ${this.language.count(totals.segments, text.logCount)}`]],
      ...this.#upset(call, summary),
      ...(summary.course?.length ? [[text.summary.course, [this.#course(summary.course)]]] : []),
      [text.summary.mostly, [this.#mostly(summary)]],
      ...this.#helped(summary),
    ];
    const list = make('dl', {}, rows.map(([name, content]) => make('div', {}, [
      make('dt', {}, [/** @type {string} */ (name)]), make('dd', {}, /** @type {(Node|string)[]} */ (content)),
    ])));
    return [make('p', { class: 'went' }, [went + ended]), list];
  }

  /**
   * @param {CallRecord} call
   * @param {CallSummary} summary
   * @returns {[string, (Node|string)[]][]}
   */
  #upset({ mood }, { upset_share, peak, turned_sec }) {
    const { language } = this;
    const { text } = language;
    if (!mood?.upset_sec) return [];
    const score = language.number(Math.round((peak?.upset_score ?? 0) * 100));
    const most = peak ? [` · ${language.fill(text.summary.peak, { score, time: language.clock(peak.offset_sec) })}`] : [];
    const turned = typeof turned_sec === 'number' ? language.fill(text.summary.turnedAt, { time: language.clock(turned_sec) }) : text.summary.notTurned;
    return [
      [text.summary.upset, [`${language.clock(mood.upset_sec)} (${language.percent(upset_share)})`, ...most]],
      [text.summary.turned, [turned]],
    ];
  }

  /** @param {{offset_sec: number, state: MoodState}[]} course */
  #course(course) {
    return make('ol', {}, course.slice(-TURNS).map(({ offset_sec, state }) => make('li', {}, [
      make('time', {}, [this.language.clock(offset_sec)]), ` ${this.language.text.moods[state]}`,
    ])));
  }

  /**
   * @param {CallSummary} summary
   * @returns {string} for example "neutral 61%, angry 20%"
   */
  #mostly({ emotion_distribution }) {
    const counts = Object.entries(emotion_distribution).sort(([, a], [, b]) => b - a);
    const all = counts.reduce((sum, [, n]) => sum + n, 0);
    return counts.slice(0, EMOTIONS).map(([label, n]) => `${this.language.emotion(label)} ${this.language.percent(n / all)}`).join(', ');
  }

  /**
   * @param {CallSummary} summary
   * @returns {[string, (Node|string)[]][]} what came before the mood recovered, and what the agent found useful
   */
  #helped({ helped = [] }) {
    const { language, coaching } = this;
    const { text } = language;
    const lines = helped.map(({ rule, offset_sec, recovered_sec }) => ({
      offset_sec, says: this.#hint(rule, offset_sec), then: language.fill(text.summary.recovered, { time: language.clock(recovered_sec) }),
    }));
    for (const { hint, useful } of coaching.told) {
      if (!useful || helped.some((each) => each.rule === hint.rule && each.offset_sec === hint.offsetSec)) continue;
      lines.push({ offset_sec: hint.offsetSec, says: this.hintText(language, hint), then: text.summary.useful });
    }
    if (lines.length === 0) return [];
    const items = lines.sort((a, b) => a.offset_sec - b.offset_sec).slice(-HELPED).map(({ offset_sec, says, then }) => make('li', {}, [
      make('time', {}, [language.clock(offset_sec)]), ` ${says} `, make('i', {}, [then]),
    ]));
    return [[text.summary.helped, [make('ul', {}, items)]]];
  }

  /**
   * @param {string} rule
   * @param {number} offsetSec
   * @returns {string} what was said then
   */
  #hint(rule, offsetSec) {
    const told = this.coaching.told.find(({ hint }) => hint.rule === rule && hint.offsetSec === offsetSec);
    if (told) return this.hintText(this.language, told.hint);
    return /** @type {Record<string, string>} */ (this.language.text.alerts)[rule] ?? rule.replaceAll('_', ' ');
  }
}

/**
 * @param {CallRecord} call
 * @param {CallSummary} summary
 * @returns {'calm'|'tense'|'upset'} the worst that the mood was in
 */
function worstOf({ mood }, { course = [], ended_as }) {
  const states = new Set([...course.map((turn) => turn.state), ended_as]);
  if (states.has('upset') || states.has('recovering') || mood?.upset_sec) return 'upset';
  return states.has('tense') ? 'tense' : 'calm';
}
