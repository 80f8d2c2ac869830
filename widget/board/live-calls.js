/** The calls that go on, as the feed tells of them, and the last minute of each. */

/**
 * @typedef {import('./context.js').LiveCall} LiveCall
 * @typedef {import('./context.js').LoggedAlert} LoggedAlert
 *
 * @typedef {object} LiveRow
 * @property {LiveCall} call
 * @property {{at: number, score: number|null}[]} scores upset scores of the last minute; null where nothing was heard of it
 * @property {number} alertAt when its newest warning came; −∞ for none
 * @property {number} endedAt when it ended; ∞ while it goes on
 * @property {number} rank its priority as the order knows it: small changes do not count
 */

export const MINUTE_MS = 60_000;
/** How long a warning is new. */
export const FRESH_MS = 60_000;
/** How far a priority must move for a row to move: less is noise. */
const NOISE = 4;

export class LiveCalls {
  /** @param {() => number} [clock] milliseconds */
  constructor(clock = () => performance.now()) {
    this._clock = clock;
    /** @type {Map<string, LiveRow>} */
    this.rows = new Map();
  }

  /** @param {LiveCall[]} calls all that go on; what is not among them is over */
  replace(calls) {
    const before = this.rows;
    this.rows = new Map();
    for (const call of calls) {
      const known = before.get(call.call_id);
      if (known) this.rows.set(call.call_id, known);
      this.update(call);
      if (!known) this._recall(call);
    }
  }

  /** @param {LiveCall} call */
  update(call) {
    const now = this._clock();
    const row = this.rows.get(call.call_id) ?? newRow(call);
    const stateChanged = row.call.state !== call.state;
    row.call = call;
    const priority = call.priority ?? 0;
    if (stateChanged || Math.abs(priority - row.rank) >= NOISE) row.rank = priority;
    if (typeof call.upset_score === 'number') this._score(row, now, call.upset_score);
    this.rows.set(call.call_id, row);
  }

  /** @param {LoggedAlert} alert */
  alert(alert) {
    const row = this.rows.get(alert.call_id);
    if (!row) return;
    row.call = { ...row.call, last_alert: alert, alerts: (row.call.alerts ?? 0) + 1 };
    if (alert.severity !== 'info') row.alertAt = this._clock();
  }

  /** @param {LiveCall} call its last state; it stays until it is let go of */
  end(call) {
    if (call.reason === 'call_erased') {
      this.rows.delete(call.call_id);
      return;
    }
    this.update(call);
    /** @type {LiveRow} */ (this.rows.get(call.call_id)).endedAt = this._clock();
  }

  /** From now on nothing is known: no line shall be drawn over that. */
  lose() {
    const now = this._clock();
    for (const row of this.rows.values()) if (row.scores.at(-1)?.score != null) row.scores.push({ at: now, score: null });
  }

  /**
   * Let go of calls that ended some time ago.
   * @param {number} afterMs
   */
  sweep(afterMs) {
    const before = this._clock() - afterMs;
    for (const [id, row] of this.rows) if (row.endedAt < before) this.rows.delete(id);
  }

  /**
   * @param {LiveRow} row
   * @param {number} [now]
   * @returns {boolean} whether its warning is still new
   */
  isFresh(row, now = this._clock()) {
    return row.endedAt === Infinity && now - row.alertAt < FRESH_MS;
  }

  /** @param {string} callId somebody has looked at it: its warning is no news any more */
  seen(callId) {
    const row = this.rows.get(callId);
    if (row) row.alertAt = -Infinity;
  }

  /** @returns {number} calls with a new warning */
  freshCount() {
    const now = this._clock();
    let count = 0;
    for (const row of this.rows.values()) if (this.isFresh(row, now)) count += 1;
    return count;
  }

  /**
   * @param {LiveRow} row
   * @param {number} now
   * @param {number} score
   */
  _score(row, now, score) {
    row.scores.push({ at: now, score });
    // The newest of those that are too old says where the minute began.
    while (row.scores.length > 1 && row.scores[1].at <= now - MINUTE_MS) row.scores.shift();
  }

  /**
   * A warning from just before this page was opened is new to whoever opened it.
   * @param {LiveCall} call
   */
  _recall(call) {
    if (!call.last_alert || call.last_alert.severity === 'info') return;
    const age = Date.now() - Date.parse(call.last_alert.timestamp);
    if (age < FRESH_MS) /** @type {LiveRow} */ (this.rows.get(call.call_id)).alertAt = this._clock() - Math.max(0, age);
  }
}

/**
 * @param {LiveCall} call
 * @returns {LiveRow}
 */
function newRow(call) {
  return { call, scores: [], alertAt: -Infinity, endedAt: Infinity, rank: call.priority ?? 0 };
}

/**
 * Who stands where: new warnings first, the newest on top, then by priority; of equals as they stood.
 * @param {Iterable<LiveRow>} rows in the order they stand in
 * @param {(row: LiveRow) => boolean} isFresh
 * @returns {LiveRow[]}
 */
export function ordered(rows, isFresh) {
  const keyed = [...rows].map((row) => ({ row, fresh: isFresh(row) ? row.alertAt : -Infinity }));
  keyed.sort((a, b) => (a.fresh === b.fresh ? b.row.rank - a.row.rank : b.fresh > a.fresh ? 1 : -1));
  return keyed.map(({ row }) => row);
}
