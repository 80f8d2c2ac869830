/** A call's summary once it is over, as the server keeps it. No DOM. */

/**
 * @typedef {import('./messages.js').CallRecord} CallRecord
 * @typedef {import('./panels.js').Desk} Desk
 */

/** When the record is asked for again, in milliseconds: it is stored a moment after the call's last word. */
const WAITS_MS = [200, 600, 1500, 3000];

/** Asks for one call's record after it has ended. */
export class Summary {
  /** @type {'none'|'loading'|'failed'|'ready'} */
  phase = 'none';
  /** @type {CallRecord|null} */
  call = null;
  #turn = 0;

  /** @param {Desk} desk */
  constructor(desk) {
    this.desk = desk;
  }

  /** A call begins: the last one's summary goes. */
  clear() {
    this.#turn += 1;
    this.phase = 'none';
    this.call = null;
  }

  /** Ask for the summary of the call that has just ended, again if need be. */
  async read() {
    const turn = (this.#turn += 1);
    this.phase = 'loading';
    this.desk.changed();
    const call = await this.#ask(turn).catch(() => null);
    if (turn !== this.#turn) return;
    this.call = call;
    this.phase = call ? 'ready' : 'failed';
    this.desk.changed();
  }

  /**
   * @param {number} turn
   * @returns {Promise<CallRecord|null>} null where it is not there, or not yet whole
   */
  async #ask(turn) {
    for (const ms of WAITS_MS) {
      await this.desk.wait(ms);
      if (turn !== this.#turn) return null;
      const { server, token } = await this.desk.access();
      const url = new URL(`api/v1/calls/${encodeURIComponent(this.desk.callId)}`, server);
      const headers = { Authorization: `Bearer ${token}` };
      const response = await fetch(url, { headers, cache: 'no-store', signal: this.desk.signal });
      // 404: not stored yet. 503: the store is away, and may be back.
      if (!response.ok && response.status !== 404 && response.status < 500) return null;
      const call = response.ok ? await response.json() : null;
      if (call?.summary) return call;
    }
    return null;
  }
}
