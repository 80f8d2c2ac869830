/** The `<undervoice-meter>` element: attributes and a token down, a call up and running, events up. */

import { Call } from './call.js';
import { EVENT_OF, emit } from './events.js';
import { Failure } from './failure.js';
import { LogList } from './log-list.js';
import { MeterState } from './meter-state.js';
import { openFile, openMicrophone, openStream, openTab } from './sources.js';
import { STATES } from './strings.js';
import { MeterView } from './view.js';

/**
 * @typedef {import('./sources.js').SourceOpener} SourceOpener
 * @typedef {import('./strings.js').State} State
 */

/** How often staleness is judged, in milliseconds; runs only during a call. */
const TICK_MS = 1000;

/** @returns {string} a name that no other call has */
function freshCallId() {
  const [high, low] = crypto.getRandomValues(new Uint32Array(2));
  return `web-${high.toString(36)}${low.toString(36)}`;
}

/**
 * Shows what the customer's voice carries.
 *
 * @attr {string} server base address of the service; by default where this module came from
 * @attr {string} call-id the call's name; a fresh one for each call unless given
 * @attr {string} agent-id the agent whose call it is
 * @attr {boolean} allow-microphone offer the microphone, which on an agent's desk is the agent's own voice
 * @attr {string} consent-basis on what basis the customer is scored, for example `notice`
 * @attr {string} consent-notice-id which notice the customer heard
 * @csspart card, word, meter, timeline, hint, log
 */
export class UndervoiceMeter extends HTMLElement {
  static observedAttributes = ['allow-microphone'];

  /** A signed token. A property and never an attribute: markup reaches logs and other scripts. */
  token = '';
  /** Asked for a token at each start, if set. @type {(() => Promise<string>)|null} */
  tokenProvider = null;

  #memory = new MeterState();
  /** @type {Call|null} */
  #call = null;
  /** @type {ReturnType<typeof setInterval>|undefined} */
  #timer;
  /** @type {number|null} */
  #rateHz = null;
  #callId = '';

  constructor() {
    super();
    const log = new LogList(async () => ({ server: this.#server, token: await this.#token() }));
    const act = (/** @type {() => Promise<void>} */ action) => () => void action.call(this);
    this.view = new MeterView(this.attachShadow({ mode: 'open' }), {
      microphone: act(this.startMicrophone),
      tab: act(this.startTab),
      unblock: () => void this.#call?.unblock(),
      pause: () => (this.#memory.state === 'paused' ? this.resume() : this.pause()),
      stop: act(this.stop),
    }, log);
    this.#draw();
  }

  /** @returns {State} what the element is doing */
  get state() {
    return this.#memory.state;
  }

  connectedCallback() {
    this.#draw();
  }

  disconnectedCallback() {
    this.#call?.abandon();
  }

  attributeChangedCallback() {
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

  /** End the call, wait for its last readings, release tracks, timers and socket. */
  async stop() {
    if (!this.#call) return;
    this.#enter('stopping');
    await this.#call.stop();
  }

  /** Stop scoring for a while; audio is neither sent nor kept. */
  pause() {
    if (this.#memory.state === 'listening') this.#call?.pause();
  }

  /** Score again after `pause`. */
  resume() {
    if (this.#memory.state === 'paused') this.#call?.resume();
  }

  /** @returns {string} */
  get #server() {
    const base = this.getAttribute('server');
    const url = base ? new URL(base, document.baseURI) : new URL('/', import.meta.url);
    if (!url.pathname.endsWith('/')) url.pathname += '/';
    return url.href;
  }

  /** @returns {Promise<string>} */
  async #token() {
    return this.tokenProvider ? this.tokenProvider() : this.token;
  }

  /** @returns {Record<string, unknown>} the first message, as far as the element's attributes tell it */
  get #startFields() {
    const agent = this.getAttribute('agent-id');
    const basis = this.getAttribute('consent-basis');
    const notice = this.getAttribute('consent-notice-id');
    const consent = { basis, ...(notice ? { notice_id: notice } : {}) };
    return { call_id: this.#callId, ...(agent ? { agent_id: agent } : {}), ...(basis ? { consent } : {}) };
  }

  /** @param {SourceOpener} opener */
  async #start(opener) {
    if (this.#call) await this.#call.stop();
    this.#memory.reset();
    this.#rateHz = null;
    this.#callId = this.getAttribute('call-id') || freshCallId();
    if (!isSecureContext) return this.#ended(new Failure('insecure'));
    this.#enter('connecting');
    const call = new Call(
      { server: this.#server, token: () => this.#token(), start: this.#startFields },
      {
        onMessage: (message) => this.#receive(message),
        onFrame: (frame) => this.#hear(frame.levelDb),
        onBlocked: (blocked) => this.#block(blocked),
        onOpen: (rateHz, kind) => this.#opened(rateHz, kind),
        onEnded: (failure) => this.#ended(failure),
      },
    );
    this.#call = call;
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    await call.open(opener);
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
    const name = EVENT_OF[message.type];
    // The table pairs each type with its event; the checker cannot follow the pair through the index.
    if (name) emit(this, name, /** @type {any} */ (message));
    if (this.#memory.state !== before) this.#tellState();
    this.view.announce(this.#memory, performance.now());
    this.#draw();
  }

  /** @param {number} levelDb */
  #hear(levelDb) {
    this.#memory.frame(levelDb, performance.now());
    this.view.drawLevel(levelDb);
  }

  /** @param {boolean} blocked */
  #block(blocked) {
    if (blocked && this.#memory.running) this.#enter('blocked');
    // `started` may have come meanwhile; then the call listens already.
    if (!blocked && this.#memory.state === 'blocked') this.#enter(this.#memory.heardMs ? 'listening' : 'connecting');
  }

  #tick() {
    this.#memory.tick(performance.now());
    this.view.announce(this.#memory, performance.now());
    this.#draw();
  }

  /** @param {Failure|null} failure */
  #ended(failure) {
    clearInterval(this.#timer);
    this.#call = null;
    this.#memory.stale = false;
    this.#memory.starved = false;
    this.#memory.speaking = false;
    this.#memory.detail = failure?.detail ?? '';
    this.#enter(failure?.state ?? 'ended');
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
    emit(this, 'undervoice-state', { state, word: STATES[state].word, detail, callId: this.#callId, rateHz: this.#rateHz });
  }

  #draw() {
    this.view.draw(this.#memory, {
      microphone: this.hasAttribute('allow-microphone'),
      tab: typeof navigator.mediaDevices?.getDisplayMedia === 'function',
    });
  }
}
