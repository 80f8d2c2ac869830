/** The `<undervoice-meter>` element: attributes and a token down, a call up and running, events up. */

import { HINT_RULES } from './coach.js';
import { Runner } from './runner.js';
import { openFile, openMicrophone, openStream, openTab } from './sources.js';
import { MeterView } from './view.js';
import { Language, fetchWords, isElsewhere, languageOf } from './words/language.js';

/**
 * @typedef {import('./strings.js').State} State
 * @typedef {import('./words/language.js').Some<import('./words/en.js').Words>} Strings
 */

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
 *
 * @fires {CustomEvent<StateDetail>} undervoice-state - what the element does has changed
 * @fires {CustomEvent<SpeechMessage>} undervoice-speech - the customer began or ceased to speak
 * @fires {CustomEvent<EmotionMessage>} undervoice-emotion - a reading, provisional or final; after a reconnection it may come again, with the same id
 * @fires {CustomEvent<MoodMessage>} undervoice-mood - the smoothed mood
 * @fires {CustomEvent<AlertMessage>} undervoice-alert - a rule of the server fired
 * @fires {CustomEvent<StatsMessage>} undervoice-stats - how the call stands, every 5 s
 * @fires {CustomEvent<WarningMessage>} undervoice-warning - something was refused, the call goes on
 * @fires {CustomEvent<ErrorMessage>} undervoice-error - the server ends the connection, and unless `retryable` the call
 * @fires {CustomEvent<StoppedMessage>} undervoice-ended - the call is over; its totals
 * @fires {CustomEvent<HintDetail>} undervoice-hint - a hint is shown
 * @fires {CustomEvent<ActionDetail>} undervoice-action - the agent pressed one of a hint's buttons; the page does what it says
 * @fires {CustomEvent<HintFeedbackDetail>} undervoice-hint-feedback - the agent said whether a hint was useful
 * @fires {CustomEvent<FeedbackDetail>} undervoice-feedback - the agent said that a reading is wrong; the server has been told
 * @fires {CustomEvent<ClipResult>} undervoice-upload - a recording that was uploaded is scored
 *
 * @csspart card - the whole, with its edge and padding
 * @csspart word - the one word that is read first
 * @csspart meter - the band with its zones and marker
 * @csspart timeline - the strip of segments
 * @csspart hint - the hint card
 * @csspart correction - the question what a reading should have been
 * @csspart summary - how the call went
 * @csspart upload - where recordings are dropped
 * @csspart log - the recent readings
 *
 * @cssprop [--uv-surface=#ffffff] - the card
 * @cssprop [--uv-raised=#f4f6f8] - buttons and hints
 * @cssprop [--uv-ink=#16202a] - text
 * @cssprop [--uv-quiet=#52606d] - lesser text
 * @cssprop [--uv-line=#d5dbe1] - hairlines
 * @cssprop [--uv-edge=#6b7785] - outlines that must be seen
 * @cssprop [--uv-accent=#0b6e63] - the button to press, the focus, the level
 * @cssprop [--uv-on-accent=#ffffff] - text on the accent
 * @cssprop [--uv-calm=#2a9d8f] - the band's zone of calm
 * @cssprop [--uv-tense=#e0a32e] - the band's zone of tension
 * @cssprop [--uv-upset=#d55e00] - the band's zone of upset
 * @cssprop [--uv-neutral=#999999] - neutral readings
 * @cssprop [--uv-happy=#009e73] - happy readings
 * @cssprop [--uv-sad=#0072b2] - sad readings
 * @cssprop [--uv-on-sad=#ffffff] - the letter on sad readings
 * @cssprop [--uv-angry=#d55e00] - angry readings
 * @cssprop [--uv-surprised=#f0e442] - surprised readings
 * @cssprop [--uv-fearful=#cc79a7] - fearful readings
 * @cssprop [--uv-disgusted=#56b4e9] - disgusted readings
 * @cssprop [--uv-other=#999999] - labels that are none of the seven
 */
export class UndervoiceMeter extends HTMLElement {
  static observedAttributes = ['allow-microphone', 'allow-upload', 'lang'];

  /** A signed token. A property and never an attribute: markup reaches logs and other scripts. */
  token = '';
  /** Asked for a token at each start and each reconnection, if set. @type {(() => Promise<string>)|null} */
  tokenProvider = null;

  /** @type {Strings} */
  #strings = {};
  #language = new Language('en');
  #root = this.attachShadow({ mode: 'open' });
  #runner = new Runner(this, {
    token: async () => (this.tokenProvider ? this.tokenProvider() : this.token),
    word: (state) => this.#language.text.states[state].word,
    draw: () => this.#draw(),
    announce: () => this.view.announce(this.#runner.memory, performance.now()),
    level: (levelDb) => this.view.drawLevel(levelDb),
  });

  constructor() {
    super();
    this.view = this.#makeView();
    this.#draw();
    if (languageOf(this, this.#strings) !== this.#language.tag) void this.#speak();
  }

  /** @returns {readonly import('./coach.js').HintRule[]} when hints are shown, and what they say; own ones count from the next call on */
  get hints() {
    return this.#runner.panels.coaching.rules;
  }

  set hints(rules) {
    this.#runner.panels.coaching.rules = rules ?? HINT_RULES;
  }

  /** @returns {State} what the element is doing */
  get state() {
    return this.#runner.memory.state;
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
    this.#runner.panels.enter();
    if (languageOf(this, this.#strings) !== this.#language.tag) void this.#speak();
    this.#draw();
  }

  disconnectedCallback() {
    this.#runner.leave();
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
    return this.#runner.start(openStream(stream));
  }

  /** Score this computer's microphone; needs the attribute `allow-microphone`. */
  async startMicrophone() {
    if (!this.hasAttribute('allow-microphone')) throw new Error('the attribute allow-microphone is not set');
    await this.#runner.start(openMicrophone);
  }

  /** Let the user choose a tab and score its sound. */
  async startTab() {
    await this.#runner.start(openTab);
  }

  /**
   * Play a recording aloud in real time and score it.
   * @param {Blob|string|URL} fileOrUrl
   */
  async startFile(fileOrUrl) {
    await this.#runner.start(openFile(fileOrUrl));
  }

  /**
   * Upload a recording, have it scored, and show its segments.
   * @param {Blob} file
   * @returns {Promise<import('./upload.js').ClipResult|null>} null where it failed or was cancelled
   */
  async upload(file) {
    return (await this.#runner.panels.extras()).upload.send(file);
  }

  /** End the call, wait for its last readings, release tracks, timers and socket. */
  async stop() {
    await this.#runner.stop();
  }

  /** Stop scoring for a while, with a connection or without; audio is neither sent nor kept. */
  pause() {
    this.#runner.pause();
  }

  /** Score again after `pause`. */
  resume() {
    this.#runner.resume();
  }

  /** @returns {MeterView} the face in the language that holds; what is known of the call is in the memory */
  #makeView() {
    const panels = this.#runner.panels.make(this.#language);
    const act = (/** @type {() => Promise<void>} */ action) => () => void action.call(this);
    const actions = {
      microphone: act(this.startMicrophone),
      tab: act(this.startTab),
      unblock: () => this.#runner.unblock(),
      pause: () => (this.#runner.memory.paused ? this.resume() : this.pause()),
      stop: act(this.stop),
    };
    return new MeterView(this.#root, actions, this.#language, panels);
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

  #draw() {
    this.view.draw(this.#runner.memory, {
      microphone: this.hasAttribute('allow-microphone'),
      tab: typeof navigator.mediaDevices?.getDisplayMedia === 'function',
    });
    this.#runner.panels.draw(this.hasAttribute('allow-upload') && !this.#runner.memory.running);
  }
}
