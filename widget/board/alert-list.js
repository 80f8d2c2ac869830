/** Alerts of many calls, the newest first. */

import { make } from '../src/dom.js';
import { clock } from './measures.js';
import { dayAndTime, timeOrDay } from './moments.js';
import { hashOf } from './router.js';
import { WORDS } from './view-words.js';

/** @typedef {import('./context.js').LoggedAlert} LoggedAlert */

/** How many are shown at first, and more at each press. */
const STEP = 25;

export class AlertList {
  constructor() {
    this.element = make('ol', { class: 'alerts recent', 'aria-label': WORDS.alerts.recent });
    this.shown = STEP;
    /** @type {LoggedAlert[]} */
    this.kept = [];
    /** Those that came while one looks. @type {Set<string>} */
    this.fresh = new Set();
  }

  get count() {
    return this.kept.length;
  }

  /** Whether there are more than are shown. */
  get hasMore() {
    return this.kept.length > this.shown;
  }

  clear() {
    this.kept = [];
    this.shown = STEP;
    this.fresh.clear();
    this.element.replaceChildren();
  }

  /**
   * @param {LoggedAlert[]} alerts in any order, also known ones
   * @param {boolean} fresh
   */
  add(alerts, fresh) {
    const known = new Set(this.kept.map((alert) => alert.alert_id));
    const added = alerts.filter((alert) => !known.has(alert.alert_id));
    if (fresh) added.forEach((alert) => this.fresh.add(alert.alert_id));
    const all = [...this.kept, ...new Map(added.map((alert) => [alert.alert_id, alert])).values()];
    this.kept = all.sort((one, other) => other.timestamp.localeCompare(one.timestamp));
    this.element.hidden = this.kept.length === 0;
    if (added.length) this.#draw();
  }

  /** Show more of those that are here, and take the keyboard to the first of them. */
  more() {
    const first = this.shown;
    this.shown += STEP;
    this.#draw();
    this.element.children[first]?.querySelector('a')?.focus({ preventScroll: true });
  }

  #draw() {
    this.element.replaceChildren(...this.kept.slice(0, this.shown).map((alert) => this.#drawn(alert)));
  }

  /** @param {LoggedAlert} alert */
  #drawn({ alert_id: id, call_id: call, agent_id: agent, severity, message, rule, offset_sec: at, timestamp }) {
    const place = make('a', { href: hashOf('calls', [call]) }, [call]);
    const by = agent ? [WORDS.alerts.ofAgent(agent)] : [];
    return make('li', { 'data-severity': severity, ...(this.fresh.has(id) ? { class: 'fresh' } : {}) }, [
      make('time', { class: 'at', datetime: timestamp, title: dayAndTime(timestamp) }, [timeOrDay(timestamp)]),
      make('b', { class: 'severity' }, [WORDS.severities[severity]]),
      make('span', {}, [message]),
      make('span', { class: 'note' }, [place, WORDS.alerts.at(clock(at)), ...by]),
      make('code', {}, [rule]),
    ]);
  }
}
