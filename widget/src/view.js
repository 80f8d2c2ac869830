/** Draws a MeterState into a shadow root. Knows no network and no audio. */

import { Announcer } from './announcer.js';
import { make, write } from './dom.js';
import { makeButtons, makeFace } from './face.js';
import { placementSheet, themeSheet } from './theme.js';
import { Timeline, correctionText } from './timeline.js';

/**
 * @typedef {import('./meter-state.js').MeterState} MeterState
 */

/** The level indicator's range, in dB relative to full scale. */
const LEVEL_FLOOR_DB = -60;
const LEVEL_RANGE_DB = 50;
/** Beside the trend's word; the same from right to left. */
const ARROWS = { rising: '↑', easing: '↓', steady: '–' };

/** The meter's face. */
export class MeterView {
  /**
   * @param {ShadowRoot} root
   * @param {import('./face.js').Actions} actions
   * @param {import('./words/language.js').Language} language
   * @param {ReturnType<import('./panels.js').Panels['make']>} panels
   */
  constructor(root, actions, language, panels) {
    this.language = language;
    this.panels = panels;
    const { sheet, place } = placementSheet();
    root.adoptedStyleSheets = [themeSheet(), sheet];
    this.place = place;
    this.announcer = new Announcer();
    this.timeline = new Timeline(language, (cell) => this.#doubt(cell));
    this.face = makeFace(language.text);
    this.buttons = makeButtons(actions, panels.log, language.text);
    this.face.wrong.addEventListener('click', () => this.#doubt(this.timeline.cells.filter((cell) => cell.final).at(-1)));
    this.upset = make('span');
    this.trend = make('span', { class: 'trend' });
    this.face.facts.append(this.upset, this.trend, this.face.wrong);
    const { top, headline: head, meter, facts } = this.face;
    const { hints, above, below } = panels;
    this.card = make('div', { class: 'card', part: 'card', lang: language.tag }, [
      top, head, meter, facts, this.timeline.element, hints.element, above, this.buttons.row,
      below, this.announcer.element,
    ]);
    root.replaceChildren(this.card);
  }

  /**
   * @param {MeterState} state
   * @param {{microphone: boolean, tab: boolean}} offers sources that the element may start itself
   */
  draw(state, offers) {
    const { text } = this.language;
    const calm = text.states[state.state];
    const word = headline(state, text);
    write(this.face.word, word);
    this.#drawNote(state, word === calm.word ? calm.note : '');
    this.#drawTop(state);
    this.#drawMeter(state, word);
    this.timeline.draw(state.cells, this.panels.corrected());
    const busy = state.running && (state.state !== 'listening' || state.stale || state.starved);
    this.face.wrong.hidden = busy || !state.cells.some((cell) => cell.final);
    this.timeline.element.hidden = state.cells.length === 0;
    this.card.classList.toggle('stale', state.stale || state.starved);
    this.card.classList.toggle('away', state.state === 'reconnecting');
    this.#drawButtons(state, offers);
  }

  /**
   * Say the mood, a new hint and what is wrong with the line aloud to screen readers, at most once in 10 s.
   * @param {MeterState} state
   * @param {number} nowMs
   */
  announce(state, nowMs) {
    if (!state.running) return;
    const { text } = this.language;
    const { fault } = state.line;
    this.announcer.offer([state.mood ? text.moods[state.mood.state] : '', this.panels.hint(), fault ? text.line[fault] : ''], nowMs);
  }

  /** @param {number} levelDb */
  drawLevel(levelDb) {
    this.place('--at-level', Math.max(0, Math.min(1, (levelDb - LEVEL_FLOOR_DB) / LEVEL_RANGE_DB)));
  }

  /**
   * @param {MeterState} state
   * @param {string} plain the state's own note, where its word is shown
   */
  #drawNote(state, plain) {
    const { reading } = state;
    const { text } = this.language;
    const trouble = state.stale ? text.stale : state.starved ? text.noAudio : '';
    const away = state.state === 'reconnecting';
    const told = away || (!state.running && state.state !== 'idle') ? text.states[state.state].word : '';
    write(this.face.trouble, trouble || told || (state.back ? text.back : ''));
    const note = away && state.paused ? text.pausedAway : plain;
    if (trouble || note || !reading) {
      write(this.face.note, trouble || note || text.noReading);
      return;
    }
    const strength = reading.uncertain ? '' : ` · ${this.language.confidence(reading.confidence_score)}`;
    const open = reading.final ? '' : ` · ${text.provisional}`;
    const said = correctionText(this.language, this.panels.corrected().get(reading.segment_id));
    this.face.note.replaceChildren(make('b', {}, [this.language.describe(reading)]), strength + open + (said && ` · ${said}`));
  }

  /** @param {MeterState} state */
  #drawTop(state) {
    const { text } = this.language;
    const live = state.state === 'listening';
    this.face.top.hidden = state.source === null;
    this.face.level.hidden = !live;
    const kept = state.state === 'reconnecting' && !state.paused;
    const heard = kept ? text.kept : state.starved ? text.noAudio : state.speaking ? text.speaking : text.silence;
    const what = state.source ? text.scoring[state.source] : '';
    // A microphone is the agent's on an agent's desk: always say that it is what is scored.
    const scored = state.source === 'microphone' && state.running ? `${what} · ` : '';
    write(this.face.ear, live || kept ? scored + heard : what);
    this.face.ear.title = what;
    const fault = live && !state.starved ? state.line.fault : null;
    this.face.fault.hidden = fault === null;
    write(this.face.fault, fault ? text.line[fault] : '');
    write(this.face.time, this.language.clock(state.audioSec));
    if (!live) this.drawLevel(LEVEL_FLOOR_DB);
  }

  /**
   * @param {MeterState} state
   * @param {string} word
   */
  #drawMeter(state, word) {
    const { mood } = state;
    const { language } = this;
    const { text } = language;
    this.face.meter.classList.toggle('empty', mood === null);
    const score = mood ? mood.upset_score : 0;
    this.place('--at-mood', score);
    this.face.meter.setAttribute('aria-valuenow', String(Math.round(score * 100)));
    const place = { mood: mood ? text.moods[mood.state] : '', score: language.number(Math.round(score * 100)) };
    const known = mood ? language.fill(text.meterValue, place) : word;
    this.face.meter.setAttribute('aria-valuetext', mood && state.state === 'reconnecting' ? `${text.old}: ${known}` : known);
    this.face.meter.hidden = !state.running && mood === null && state.state !== 'idle' && state.state !== 'ended';
    write(this.upset, mood ? language.fill(text.upsetFor, { time: language.clock(mood.upset_sec) }) : '');
    write(this.trend, `${ARROWS[state.trend]} ${text.trend[state.trend]}`);
    this.trend.hidden = !state.running;
    this.face.facts.hidden = mood === null;
  }

  /** @param {import('./messages.js').EmotionMessage|undefined} reading that may be wrong */
  #doubt(reading) {
    const finals = this.timeline.cells.filter((cell) => cell.final);
    if (reading) void this.panels.doubt(reading, finals, this.timeline.element, this.face.wrong);
  }

  /**
   * @param {MeterState} state
   * @param {{microphone: boolean, tab: boolean}} offers
   */
  #drawButtons(state, offers) {
    const { text } = this.language;
    const live = ['listening', 'paused', 'reconnecting'].includes(state.state);
    this.buttons.unblock.hidden = state.state !== 'blocked';
    this.buttons.microphone.hidden = state.running || !offers.microphone;
    this.buttons.tab.hidden = state.running || !offers.tab;
    this.buttons.pause.hidden = !live;
    write(this.buttons.pause, state.paused ? text.resume : text.pause);
    this.buttons.stop.hidden = !live && state.state !== 'blocked' && state.state !== 'connecting';
  }
}

/**
 * @param {MeterState} state
 * @param {import('./words/en.js').Words} text
 * @returns {string} the one word that is read first
 */
function headline(state, text) {
  if (state.state !== 'listening') return text.states[state.state].word;
  if (state.unsure && state.reading?.final) return text.unsure;
  return state.mood ? text.moods[state.mood.state] : text.states.listening.word;
}
