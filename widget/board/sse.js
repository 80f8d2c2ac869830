/** Server-sent events, as the HTML standard writes them, from a body that comes in parts. */

/**
 * @typedef {object} ServerEvent
 * @property {string} kind
 * @property {string} id of the newest event, this one's or an earlier one's
 * @property {string} data
 */

export class EventParser {
  constructor() {
    this._rest = '';
    this._kind = '';
    /** @type {string[]} */
    this._data = [];
    /** The id of the newest event. */
    this.id = '';
    /** @type {number|null} how long the server asks to wait before coming again */
    this.retryMs = null;
  }

  /**
   * @param {string} text the next part, however it was cut
   * @returns {ServerEvent[]} the events that it completes
   */
  push(text) {
    const lines = (this._rest + text).split(/\r\n|\n|\r(?!$)/);
    this._rest = lines.pop() ?? '';
    /** @type {ServerEvent[]} */
    const events = [];
    for (const line of lines) {
      if (line !== '') this._field(line);
      else if (this._data.length) events.push({ kind: this._kind || 'message', id: this.id, data: this._data.join('\n') });
      if (line === '') this._clear();
    }
    return events;
  }

  /** @param {string} line */
  _field(line) {
    const [, name, value] = /^([^:]*)(?::\x20?(.*))?$/s.exec(line) ?? [];
    if (name === 'event') this._kind = value ?? '';
    else if (name === 'data') this._data.push(value ?? '');
    else if (name === 'id' && !value?.includes('\0')) this.id = value ?? '';
    else if (name === 'retry' && /^\d+$/.test(value ?? '')) this.retryMs = Number(value);
  }

  _clear() {
    this._kind = '';
    this._data = [];
  }
}
