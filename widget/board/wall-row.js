/** One call on the wall. */

import { make, write } from '../src/dom.js';
import { clock } from '../src/strings.js';
import { en } from '../src/words/en.js';
import { hashOf } from './router.js';
import { Sparkline } from './sparkline.js';
import { reshape, shape } from './svg.js';
import { SEVERITIES, STATES, TRENDS, WALL } from './words.js';

/** What departs less from a caller's own average is no trend. */
const STEADY = 0.15;

export class WallRow {
  /** @param {string} callId */
  constructor(callId) {
    this._moodShape = shape('none');
    this._mood = make('b');
    this._score = make('span', { class: 'score' });
    this._agent = make('span', { class: 'agent' });
    this._trendShape = shape('steady');
    this._trend = make('span');
    this._upset = cell('upset', []);
    this._upset.dataset.label = WALL.columns.upset;
    this._at = make('span', { class: 'at' });
    this._spark = new Sparkline();
    this._tag = make('b', { class: 'tag' });
    this._alert = make('span', { class: 'message' });
    this._priority = make('span');
    this.element = make('div', { class: 'row', role: 'row' }, [
      cell('mood', [this._moodShape, make('span', {}, [this._mood, this._score])]),
      cell('who', [make('a', { href: hashOf('calls', [callId]), title: callId }, [callId]), this._agent]),
      cell('trend', [this._trendShape, this._trend]),
      this._upset,
      cell('minute', [this._spark.element]),
      cell('alert', [this._tag, this._at, this._alert]),
      cell('priority', [this._priority]),
    ]);
    /** Its place from the top, from 0. */
    this.at = -1;
  }

  /** @param {number} place from the top, from 0 */
  place(place) {
    if (place === this.at) return;
    this.at = place;
    this.element.style.setProperty('--place', String(place));
    this.element.setAttribute('aria-rowindex', String(place + 2));
  }

  /**
   * @param {import('./live-calls.js').LiveRow} row
   * @param {boolean} fresh whether its warning is new
   */
  paint(row, fresh) {
    const { call } = row;
    const ended = row.endedAt !== Infinity;
    const mood = call.state ?? 'none';
    this.element.dataset.mood = mood;
    this.element.classList.toggle('ended', ended);
    reshape(this._moodShape, mood);
    write(this._mood, ended ? STATES.ended : call.state ? en.moods[call.state] : STATES.none);
    write(this._score, call.state ? ` ${Math.round((call.upset_score ?? 0) * 100)}` : '');
    write(this._agent, `${clock(call.audio_sec ?? 0)} · ${call.agent_id ?? WALL.noAgent}`);
    this._paintTrend(call.state ? (call.trend ?? 0) : null);
    write(this._upset, call.upset_sec ? clock(call.upset_sec) : '–');
    this._upset.classList.toggle('none', !call.upset_sec);
    write(this._priority, call.state ? String(Math.round(call.priority ?? 0)) : '–');
    this._paintAlert(call.last_alert ?? null, fresh);
  }

  /**
   * @param {import('./live-calls.js').LiveRow} row
   * @param {number} now
   */
  paintMinute(row, now) {
    this._spark.paint(row.scores, Math.min(now, row.endedAt));
  }

  /** @param {number|null} trend */
  _paintTrend(trend) {
    const name = trend === null ? 'none' : trend > STEADY ? 'rising' : trend < -STEADY ? 'calming' : 'steady';
    reshape(this._trendShape, name);
    this.element.dataset.trend = name;
    write(this._trend, name === 'none' ? '–' : TRENDS[name]);
  }

  /**
   * @param {import('./context.js').LastAlert|null} alert
   * @param {boolean} fresh
   */
  _paintAlert(alert, fresh) {
    this.element.classList.toggle('fresh', fresh);
    this.element.dataset.severity = alert?.severity ?? '';
    write(this._tag, fresh && alert ? (alert.severity === 'critical' ? SEVERITIES.critical : WALL.fresh1) : '');
    this._tag.hidden = !fresh;
    write(this._at, alert ? clock(alert.offset_sec) : '');
    write(this._alert, alert?.message ?? '–');
    this._alert.title = alert?.message ?? '';
  }
}

/**
 * @param {string} name
 * @param {Node[]} content
 */
function cell(name, content) {
  return make('div', { role: 'cell', class: name }, content);
}
