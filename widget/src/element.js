/** The `<undervoice-meter>` element: attributes and a token down, a call up and running, events up. */

import { callIdOf, giveUpMsOf, serverOf, startOf } from './attributes.js';
import { Call } from './call.js';
import { HINT_RULES } from './coach.js';
import { EVENT_OF, emit } from './events.js';
import { Failure } from './failure.js';
import { LogList } from './log-list.js';
import { MeterState } from './meter-state.js';
import { Panels } from './panels.js';
import { openFile, openMicrophone, openStream, openTab } from './sources.js';
import { MeterView } from './view.js';
import { Language, fetchWords, isElsewhere, languageOf } from './words/language.js';

/**
 * @typedef {import('./sources.js').SourceOpener} SourceOpener
 * @typedef {import('./strings.js').State} State
 * @typedef {import('./words/language.js').Some<import('./words/en.js').Words>} Strings
 */

/** How often staleness is judged, in milliseconds; runs only during a call. */
const TICK_MS = 1000;

/**
 * Shows what the customer's voice carries.
 *
 * @attr {string} server base address of the service; by default where this module came from
 * @attr {string} call-id the call's name; a fresh one for each call unless given
 * @attr {string} agent-id the agent whose call it is
 * @attr {boolean} allow-microphone offer the microphone, which on an agent's desk is the agent's own voice
 * @attr {boolean} allow-upload offer to score a recording as a file
 * @attr {string} consent-basis on what basis the customer is scored, for example `notice`
 * @attr {string} consent-notice-id which notice the customer heard
 * @attr {string} lang language of the words: `en`, `de`, `es`, or any with own `strings`; by default the nearest ancestor's, then the reader's
 * @attr {'auto'|'light'|'dark'} theme light or dark whatever the reader's system says; `auto` by default
 * @attr {'auto'|'compact'|'full'} layout `compact` leaves the timeline out and becomes a bar where there is room; `auto`, the default, is compact below 280 px
 * @attr {number} reconnect-sec how long a lost connection is tried again before the call is given up, 600 by default
 * @csspart card, word, meter, timeline, hint, correction, summary, upload, log
 */
export class UndervoiceMeter extends HTMLElement {
  static observedAttributes = ['allow-microphone', 'allow-upload', 'lang'];

  /** A signed token. A property and never an attribute: markup reaches logs and other scripts. */
  token = '';
  /** Asked for a token at each start and each reconnection, if set. @type {(() => Promise<string>)|null} */
  tokenProvider = null;

  #memory = new MeterState();
  /** @type {Call|null} */
  #call = null;
  /** @type {ReturnType<typeof setInterval>|undefined} */
  #timer;
  /** @type {number|null} */
  #rateHz = null;
  #callId = '';
  /** @type {Strings} */
  #strings = {};
  #language = new Language('en');
  #root = this.attachShadow({ mode: 'open' });
  #panels = new Panels(this, {
    access: () => this.#access(),
    callId: () => this.#callId,
    running: () => this.#call !== null,
    tell: (message) => this.#call?.tell(message) ?? false,
    changed: () => this.#draw(),
  });

  constructor() {
    super();
    this.view = this.#makeView();
    this.#draw();
    if (languageOf(this, this.#strings) !== this.#language.tag) void this.#speak();
  }

  /** @returns {readonly import('./coach.js').HintRule[]} when hints are shown, and what they say; own ones count from the next call on */
  get hints() {
    return this.#panels.coaching.rules;
  }

  set hints(rules) {
    this.#panels.coaching.rules = rules ?? HINT_RULES;
  }

  /** @returns {State} what the element is doing */
  get state() {
    return this.#memory.state;
  }

  /** @returns {Strings} words that take the place of the language's own; one with all keys is a language of its own */
  get strings() {
    return this.#strings;
  }

  set strings(strings) {
    this.#strings = strings ?? {};
    void this.#speak();
  }

  connectedCallback() {
    this.#panels.enter();
    if (languageOf(this, this.#strings) !== this.#language.tag) void this.#speak();
    this.#draw();
  }

  disconnectedCallback() {
    this.#panels.leave();
    this.#call?.abandon();
  }

  /** @param {string} name */
  attributeChangedCallback(name) {
    if (name === 'lang') void this.#speak();
    this.#draw();
  }

  /**
   * Score the customer's side of a call that this page already holds; its tracks stay the page's own.
   * @param {MediaStream} stream with the customer's audio track
   */
  attach(stream) {
    return this.#start(openStream(stream));
  }

  /** Score this computer's microphone; needs the attribute `allow-microphone`. */
  async startMicrophone() {
    if (!this.hasAttribute('allow-microphone')) throw new Error('the attribute allow-microphone is not set');
    await this.#start(openMicrophone);
  }

  /** Let the user choose a tab and score its sound. */
  async startTab() {
    await this.#start(openTab);
  }

  /**
   * Play a recording aloud in real time and score it.
   * @param {Blob|string|URL} fileOrUrl
   */
  async startFile(fileOrUrl) {
    await this.#start(openFile(fileOrUrl));
  }

  /**
   * Upload a recording, have it scored, and show its segments.
   * @param {Blob} file
   * @returns {Promise<import('./upload.js').ClipResult|null>} null where it failed or was cancelled
   */
  upload(file) {
    return this.#panels.upload.send(file);
  }

  /** End the call, wait for its last readings, release tracks, timers and socket. */
  async stop() {
    if (!this.#call) return;
    this.#enter('stopping');
    await this.#call.stop();
  }

  /** Stop scoring for a while, with a connection or without; audio is neither sent nor kept. */
  pause() {
    if (this.#memory.paused || !['listening', 'reconnecting'].includes(this.#memory.state)) return;
    this.#memory.paused = true;
    this.#call?.pause();
    this.#draw();
  }

  /** Score again after `pause`. */
  resume() {
    if (!this.#memory.paused) return;
    this.#memory.paused = false;
    this.#call?.resume();
    this.#draw();
  }

  /** @returns {MeterView} the face in the language that holds; what is known of the call is in the memory */
  #makeView() {
    const panels = this.#panels.make(this.#language);
    const log = new LogList(() => this.#access(), this.#language, panels.correction);
    const act = (/** @type {() => Promise<void>} */ action) => () => void action.call(this);
    const actions = {
      microphone: act(this.startMicrophone),
      tab: act(this.startTab),
      unblock: () => void this.#call?.unblock(),
      pause: () => (this.#memory.paused ? this.resume() : this.pause()),
      stop: act(this.stop),
    };
    return new MeterView(this.#root, actions, log, this.#language, panels);
  }

  /** Make the face anew in the language that holds by now; until its words are here nothing is shown. */
  async #speak() {
    const tag = languageOf(this, this.#strings);
    if (isElsewhere(tag)) {
      this.view.card.hidden = true;
      await fetchWords(tag);
      if (tag !== languageOf(this, this.#strings)) return;
    }
    this.#language = new Language(tag, this.#strings);
    this.view = this.#makeView();
    this.#draw();
  }

  /** @returns {Promise<string>} */
  async #token() {
    return this.tokenProvider ? this.tokenProvider() : this.token;
  }

  async #access() {
    return { server: serverOf(this), token: await this.#token() };
  }

  /** @param {SourceOpener} opener */
  async #start(opener) {
    // A call that has lost its line may take long to end; the next one does not wait for it.
    if (this.#memory.away) this.#call?.abandon();
    else await this.#call?.stop();
    this.#memory.reset();
    this.#rateHz = null;
    this.#callId = callIdOf(this);
    this.#panels.begin();
    if (!isSecureContext) return this.#ended(new Failure('insecure'));
    this.#enter('connecting');
    const call = this.#newCall();
    this.#call = call;
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    await call.open(opener);
  }

  /** @returns {Call} */
  #newCall() {
    const start = { call_id: this.#callId, ...startOf(this) };
    return new Call(
      { server: serverOf(this), token: () => this.#token(), start, giveUpMs: giveUpMsOf(this) },
      {
        onMessage: (message) => this.#receive(message),
        onFrame: (frame) => this.#hear(frame),
        onBlocked: (blocked) => this.#block(blocked),
        onOpen: (rateHz, kind) => this.#opened(rateHz, kind),
        onAway: () => this.#away(),
        onEnded: (failure) => this.#ended(failure),
      },
    );
  }

  /**
   * @param {number} rateHz
   * @param {import('./sources.js').SourceKind} kind
   */
  #opened(rateHz, kind) {
    this.#rateHz = rateHz;
    this.#memory.source = kind;
    this.#draw();
  }

  /** @param {import('./messages.js').ServerMessage} message */
  #receive(message) {
    const before = this.#memory.state;
    this.#memory.message(message, performance.now());
    this.#panels.message(message);
    const name = EVENT_OF[message.type];
    // The table pairs each type with its event; the checker cannot follow the pair through the index.
    if (name) emit(this, name, /** @type {any} */ (message));
    if (this.#memory.state !== before) this.#tellState();
    this.view.announce(this.#memory, performance.now());
    this.#draw();
  }

  /** @param {import('./framer.js').Frame} frame */
  #hear(frame) {
    this.#memory.frame(frame, performance.now());
    this.view.drawLevel(frame.levelDb);
  }

  /** @param {boolean} blocked */
  #block(blocked) {
    if (blocked && this.#memory.running) this.#enter('blocked');
    // `started` may have come meanwhile; then the call listens already.
    if (!blocked && this.#memory.state === 'blocked') this.#enter(this.#memory.heardMs ? this.#memory.settled : 'connecting');
  }

  #away() {
    const before = this.#memory.state;
    this.#memory.lost();
    if (this.#memory.state !== before) this.#tellState();
    this.#draw();
  }

  #tick() {
    this.#memory.tick(performance.now());
    this.#panels.tick(this.#memory.audioSec);
    this.view.announce(this.#memory, performance.now());
    this.#draw();
  }

  /** @param {Failure|null} failure */
  #ended(failure) {
    clearInterval(this.#timer);
    this.#memory.end(this.#call?.lostSec);
    this.#call = null;
    this.#memory.detail = failure?.detail ?? '';
    this.#enter(failure?.state ?? 'ended');
    this.#panels.end(this.#memory.cells.some((cell) => cell.final));
  }

  /** @param {State} state */
  #enter(state) {
    if (this.#memory.state === state && this.#call) return;
    this.#memory.state = state;
    this.#tellState();
    this.#draw();
  }

  #tellState() {
    const { state, detail } = this.#memory;
    const about = { callId: this.#callId, rateHz: this.#rateHz, lostSec: this.#call?.lostSec ?? this.#memory.lostSec };
    emit(this, 'undervoice-state', { state, word: this.#language.text.states[state].word, detail, ...about });
  }

  #draw() {
    this.view.draw(this.#memory, {
      microphone: this.hasAttribute('allow-microphone'),
      tab: typeof navigator.mediaDevices?.getDisplayMedia === 'function',
    });
    this.#panels.draw(this.hasAttribute('allow-upload') && !this.#memory.running);
  }
}
