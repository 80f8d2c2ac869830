/** What is known about the call right now: messages and frames in, one snapshot out. No DOM, no clock of its own. */

import { FRAME_SAMPLES } from './framer.js';

/**
 * @typedef {import('./messages.js').ServerMessage} ServerMessage
 * @typedef {import('./messages.js').EmotionMessage} EmotionMessage
 * @typedef {import('./messages.js').MoodMessage} MoodMessage
 * @typedef {import('./messages.js').AlertMessage} AlertMessage
 * @typedef {import('./strings.js').State} State
 */

/** Segments kept for the strip. */
const CELLS = 60;
/** Without any message for this long, in milliseconds, while the customer speaks, the reading is stale. */
const STALE_MS = 5000;
/** In silence only `stats` come, every 5 s; two of them may be missing. */
const STALE_SILENT_MS = 12_000;
/** Without a frame for this long, in milliseconds, no sound is arriving. */
const STARVED_MS = 2000;
/** A hint card stays this long, in seconds of the call. */
const ALERT_SEC = 30;

/** The element's memory of one call. */
export class MeterState {
  /** @type {State} */
  state = 'idle';
  /** What the server or the browser said about a failure. */
  detail = '';
  /** @type {import('./sources.js').SourceKind|null} */
  source = null;
  /** @type {MoodMessage|null} */
  mood = null;
  /** @type {EmotionMessage|null} the newest reading, provisional or final */
  reading = null;
  /** @type {EmotionMessage[]} by time, the newest last */
  cells = [];
  /** @type {AlertMessage|null} */
  alert = null;
  speaking = false;
  levelDb = -100;
  /** Seconds of audio captured. */
  audioSec = 0;
  stale = false;
  starved = false;
  /** When the last message and the last frame came; 0 before the first. */
  heardMs = 0;
  frameMs = 0;

  /** Forget the last call. */
  reset() {
    Object.assign(this, new MeterState());
  }

  /** @returns {boolean} whether a call is going on */
  get running() {
    return ['connecting', 'blocked', 'listening', 'paused', 'stopping'].includes(this.state);
  }

  /** @returns {boolean} whether the newest reading is one the model abstains from */
  get unsure() {
    return this.reading !== null && this.reading.uncertain;
  }

  /**
   * @param {number} levelDb
   * @param {number} nowMs
   */
  frame(levelDb, nowMs) {
    this.levelDb = levelDb;
    this.audioSec += FRAME_SAMPLES / 16000;
    this.frameMs = nowMs;
    this.starved = false;
  }

  /**
   * @param {ServerMessage} message
   * @param {number} nowMs
   */
  message(message, nowMs) {
    this.heardMs = nowMs;
    this.stale = false;
    if (message.type === 'started' && this.state === 'connecting') this.state = 'listening';
    if (message.type === 'speech') this.speaking = message.state === 'started';
    if (message.type === 'emotion') this.#read(message);
    if (message.type === 'mood') this.mood = message;
    if (message.type === 'alert') this.alert = message;
    if (message.type === 'paused') this.#pause();
    if (message.type === 'resumed' && this.state === 'paused') this.state = 'listening';
  }

  /**
   * Judge what is missing.
   * @param {number} nowMs
   */
  tick(nowMs) {
    const live = this.state === 'listening';
    const patience = this.speaking ? STALE_MS : STALE_SILENT_MS;
    this.stale = live && this.heardMs > 0 && nowMs - this.heardMs > patience;
    this.starved = live && this.frameMs > 0 && nowMs - this.frameMs > STARVED_MS;
    if (this.alert && this.audioSec - this.alert.offset_sec > ALERT_SEC) this.alert = null;
  }

  #pause() {
    this.state = 'paused';
    this.speaking = false;
  }

  /** @param {EmotionMessage} reading */
  #read(reading) {
    this.reading = reading;
    // A final takes the place of its provisional: both carry the segment's first sample in their id.
    const open = this.cells.findIndex((cell) => cell.segment_id === reading.segment_id);
    if (open >= 0) this.cells.splice(open, 1, reading);
    else this.cells.push(reading);
    if (reading.final) this.cells = this.cells.filter((cell) => cell.final || cell.segment_id === reading.segment_id);
    this.cells = this.cells.slice(-CELLS);
  }
}
