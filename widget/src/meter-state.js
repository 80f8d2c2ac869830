/** What is known about the call right now: messages and frames in, one snapshot out. No DOM, no clock of its own. */

import { FRAME_SAMPLES } from './framer.js';
import { Latch } from './latch.js';
import { LineQuality } from './line-quality.js';

/**
 * @typedef {import('./messages.js').ServerMessage} ServerMessage
 * @typedef {import('./messages.js').EmotionMessage} EmotionMessage
 * @typedef {import('./messages.js').MoodMessage} MoodMessage
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
/** What the server calls the trend is shown as rising or easing from here on, and until it is nearly level again. */
const TREND = { enter: 0.25, leave: 0.1 };
/** How far the score moves within so many seconds that nobody would call that the other way. */
const SLOPE = { enter: 0.06, leave: 0 };
const SLOPE_SEC = 10;

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
  rising = new Latch(TREND);
  easing = new Latch(TREND);
  climbing = new Latch(SLOPE);
  falling = new Latch(SLOPE);
  /** @type {{atSec: number, score: number}[]} the smoothed scores of the last seconds */
  scores = [];
  line = new LineQuality();
  speaking = false;
  levelDb = -100;
  /** Seconds of audio captured. */
  audioSec = 0;
  stale = false;
  starved = false;
  /** What the agent has asked for; it outlives a connection. */
  paused = false;
  /** Whether the connection is lost. */
  away = false;
  /** Whether it has just come back. */
  back = false;
  /** Seconds that were not scored, known once the call has ended. */
  lostSec = 0;
  /** When the last message and the last frame came; 0 before the first. */
  heardMs = 0;
  frameMs = 0;

  /** Forget the last call. */
  reset() {
    Object.assign(this, new MeterState());
  }

  /** @returns {boolean} whether a call is going on */
  get running() {
    return ['connecting', 'blocked', 'listening', 'paused', 'reconnecting', 'stopping'].includes(this.state);
  }

  /** @returns {State} what a call does that has begun and that no browser holds back */
  get settled() {
    if (this.away) return 'reconnecting';
    return this.paused ? 'paused' : 'listening';
  }

  /** @returns {'rising'|'easing'|'steady'} where the score is going */
  get trend() {
    if (this.rising.on) return 'rising';
    return this.easing.on ? 'easing' : 'steady';
  }

  /** @returns {boolean} whether the newest reading is one the model abstains from */
  get unsure() {
    return this.reading !== null && this.reading.uncertain;
  }

  /**
   * @param {import('./framer.js').Frame} frame
   * @param {number} nowMs
   */
  frame(frame, nowMs) {
    this.levelDb = frame.levelDb;
    this.audioSec += FRAME_SAMPLES / 16000;
    if (this.state === 'listening') this.line.frame(frame, FRAME_SAMPLES / 16000, this.speaking);
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
    if (message.type === 'started') this.#start();
    if (message.type === 'speech') this.speaking = message.state === 'started';
    if (message.type === 'emotion') this.#read(message);
    if (message.type === 'mood') this.#feel(message);
    // After a reconnection the server answers again what the agent has long since changed.
    if (message.type === 'paused' && this.paused && this.state === 'listening') this.#pause();
    if (message.type === 'resumed' && !this.paused && this.state === 'paused') this.state = 'listening';
  }

  /** The connection is lost; what is known stays, and is old. */
  lost() {
    this.away = true;
    this.stale = false;
    this.starved = false;
    if (this.state === 'listening' || this.state === 'paused') this.state = 'reconnecting';
  }

  /** @param {number} [lostSec] seconds of the call that no server will hear */
  end(lostSec = 0) {
    const nothing = { stale: false, starved: false, speaking: false, paused: false, away: false, back: false };
    Object.assign(this, nothing, { lostSec });
  }

  /**
   * Judge what is missing.
   * @param {number} nowMs
   */
  tick(nowMs) {
    const live = this.state === 'listening';
    this.back = false;
    const patience = this.speaking ? STALE_MS : STALE_SILENT_MS;
    this.stale = live && this.heardMs > 0 && nowMs - this.heardMs > patience;
    this.starved = live && this.frameMs > 0 && nowMs - this.frameMs > STARVED_MS;
  }

  #start() {
    this.back = this.away;
    this.away = false;
    if (this.state === 'connecting' || this.state === 'reconnecting') this.state = this.settled;
  }

  #pause() {
    this.state = 'paused';
    this.speaking = false;
  }

  /** @param {MoodMessage} mood */
  #feel(mood) {
    this.mood = mood;
    const atSec = this.cells.filter((cell) => cell.final).at(-1)?.end_offset_sec ?? 0;
    this.scores = this.scores.filter((each) => atSec - each.atSec <= SLOPE_SEC && each.atSec < atSec);
    this.scores.push({ atSec, score: mood.upset_score });
    const slope = mood.upset_score - this.scores[0].score;
    this.climbing.push(slope, 0);
    this.falling.push(-slope, 0);
    // The server's trend is how far the score is from what it was all along; just past a peak that is still much.
    this.rising.push(this.falling.on ? 0 : mood.trend, 0);
    this.easing.push(this.climbing.on ? 0 : -mood.trend, 0);
  }

  /** @param {EmotionMessage} reading */
  #read(reading) {
    if (reading.final) this.line.reading(reading.quality, reading.end_offset_sec);
    // A final takes the place of its provisional: both carry the segment's first sample in their id.
    const known = this.cells.findIndex((cell) => cell.segment_id === reading.segment_id);
    // After a reconnection a segment is scored again from its beginning; what is known of it stays until its final.
    if (known >= 0 && this.cells[known].final && !reading.final) return;
    if (known >= 0) this.cells.splice(known, 1, reading);
    else this.cells.push(reading);
    if (!this.reading || reading.start_offset_sec >= this.reading.start_offset_sec) this.reading = reading;
    if (reading.final) this.cells = this.cells.filter((cell) => cell.final || cell.segment_id === reading.segment_id);
    this.cells = this.cells.slice(-CELLS);
  }
}
