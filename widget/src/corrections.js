/** What the agent says against readings, on its way to the server and into its store. No DOM. */

/**
 * @typedef {import('./messages.js').EmotionMessage} EmotionMessage
 * @typedef {import('./panels.js').Desk} Desk
 *
 * What a reading should have been: one of the model's labels, or that it was not upset; nothing where nobody knows.
 * @typedef {{emotion?: string, upset?: false}} Correction
 */

/** Corrections of one element, of the call that runs and of logged ones. */
export class Corrections {
  /** @type {EmotionMessage|null} the reading that is being corrected */
  open = null;
  /** Whether the last one could not be sent. */
  failed = false;
  /** @type {Map<string, Correction>} by segment */
  made = new Map();

  /** @param {Desk} desk */
  constructor(desk) {
    this.desk = desk;
  }

  /** @param {EmotionMessage|null} reading to correct; null to close */
  choose(reading) {
    this.open = reading;
    this.failed = false;
    this.desk.changed();
  }

  /** @param {Correction} correction of the open reading */
  async correct(correction) {
    const reading = this.open;
    if (!reading) return;
    const { segment_id, call_id } = reading;
    const said = { segment_id, correct: false, ...correction };
    const word = { type: 'feedback', ...said };
    this.failed = !(this.#running(call_id) ? this.desk.tell(word) : await this.#post(call_id, word));
    if (!this.failed) {
      this.made.set(segment_id, correction);
      this.desk.raise('undervoice-feedback', { callId: call_id, ...said });
      if (this.open === reading) this.open = null;
    }
    this.desk.changed();
  }

  /**
   * @param {string} callId
   * @returns {boolean} whether the line to the server is this call's
   */
  #running(callId) {
    return this.desk.running && callId === this.desk.callId;
  }

  /**
   * @param {string} callId a call that is over
   * @param {object} word
   * @returns {Promise<boolean>}
   */
  async #post(callId, word) {
    try {
      const { server, token } = await this.desk.access();
      const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' };
      const url = new URL(`api/v1/calls/${encodeURIComponent(callId)}/feedback`, server);
      const { signal } = this.desk;
      return (await fetch(url, { method: 'POST', headers, body: JSON.stringify(word), signal })).ok;
    } catch {
      return false;
    }
  }
}
