/** An element's calls, one after another: what is known of each, and the events that tell of it. */

import { callIdOf, giveUpMsOf, serverOf, startOf } from './attributes.js';
import { Call } from './call.js';
import { EVENT_OF, emit } from './events.js';
import { Failure } from './failure.js';
import { MeterState } from './meter-state.js';
import { Panels } from './panels.js';

/**
 * @typedef {import('./sources.js').SourceOpener} SourceOpener
 * @typedef {import('./strings.js').State} State
 *
 * What shows the calls.
 * @typedef {object} Stage
 * @property {() => Promise<string>} token
 * @property {(state: State) => string} word what a state is called
 * @property {() => void} draw
 * @property {() => void} announce say aloud what is new
 * @property {(levelDb: number) => void} level
 */

/** How often staleness is judged, in milliseconds; runs only during a call. */
const TICK_MS = 1000;

/** Holds at most one call at a time. */
export class Runner {
  memory = new MeterState();
  /** The call that runs, or ran last. */
  callId = '';
  /** @type {Call|null} */
  #call = null;
  /** Counts starts and removals: whoever waited meanwhile sees that it is out of date. */
  #starts = 0;
  /** @type {ReturnType<typeof setInterval>|undefined} */
  #timer;
  /** @type {number|null} */
  #rateHz = null;

  /**
   * @param {HTMLElement} element whose attributes say how a call begins, and which raises the events
   * @param {Stage} stage
   */
  constructor(element, stage) {
    this.element = element;
    this.stage = stage;
    this.panels = new Panels(element, {
      access: () => this.access(),
      callId: () => this.callId,
      running: () => this.#call !== null,
      tell: (message) => this.#call?.tell(message) ?? false,
      changed: () => stage.draw(),
    });
  }

  /** @returns {Promise<{server: string, token: string}>} where the server is, and what it is asked with */
  async access() {
    return { server: serverOf(this.element), token: await this.stage.token() };
  }

  /** @param {SourceOpener} opener */
  async start(opener) {
    this.#starts += 1;
    const mine = this.#starts;
    // A call that has lost its line may take long to end; the next one does not wait for it.
    if (this.memory.away) this.#call?.abandon();
    else await this.#call?.stop();
    // Meanwhile another call may have been started, or the element removed.
    if (mine !== this.#starts) return;
    this.memory.reset();
    this.#rateHz = null;
    this.callId = callIdOf(this.element);
    this.panels.begin();
    if (!isSecureContext) return this.#ended(new Failure('insecure'));
    this.#enter('connecting');
    const call = this.#newCall();
    this.#call = call;
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    await call.open(opener);
  }

  /** End the call, and wait until it has ended. */
  async stop() {
    if (!this.#call) return;
    this.#enter('stopping');
    await this.#call.stop();
  }

  /** Release everything at once: the element is removed. */
  leave() {
    this.#starts += 1;
    this.panels.leave();
    this.#call?.abandon();
  }

  /** Let the audio run that the browser holds back; call it from a click. */
  unblock() {
    void this.#call?.unblock();
  }

  /** Stop scoring for a while. */
  pause() {
    if (this.memory.paused || !['listening', 'reconnecting'].includes(this.memory.state)) return;
    this.memory.paused = true;
    this.#call?.pause();
    this.stage.draw();
  }

  /** Score again after `pause`. */
  resume() {
    if (!this.memory.paused) return;
    this.memory.paused = false;
    this.#call?.resume();
    this.stage.draw();
  }

  /** @returns {Call} */
  #newCall() {
    const start = { call_id: this.callId, ...startOf(this.element) };
    return new Call(
      { server: serverOf(this.element), token: () => this.stage.token(), start, giveUpMs: giveUpMsOf(this.element) },
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
    this.memory.source = kind;
    this.stage.draw();
  }

  /** @param {import('./messages.js').ServerMessage} message */
  #receive(message) {
    const before = this.memory.state;
    this.memory.message(message, performance.now());
    this.panels.message(message);
    const name = EVENT_OF[message.type];
    // The table pairs each type with its event; the checker cannot follow the pair through the index.
    if (name) emit(this.element, name, /** @type {any} */ (message));
    if (this.memory.state !== before) this.#tellState();
    this.stage.announce();
    this.stage.draw();
  }

  /** @param {import('./framer.js').Frame} frame */
  #hear(frame) {
    this.memory.frame(frame, performance.now());
    this.stage.level(frame.levelDb);
  }

  /** @param {boolean} blocked */
  #block(blocked) {
    if (blocked && this.memory.running) this.#enter('blocked');
    // `started` may have come meanwhile; then the call listens already.
    if (!blocked && this.memory.state === 'blocked') this.#enter(this.memory.heardMs ? this.memory.settled : 'connecting');
  }

  #away() {
    const before = this.memory.state;
    this.memory.lost();
    if (this.memory.state !== before) this.#tellState();
    this.stage.draw();
  }

  #tick() {
    this.memory.tick(performance.now());
    this.panels.tick(this.memory.audioSec);
    this.stage.announce();
    this.stage.draw();
  }

  /** @param {Failure|null} failure */
  #ended(failure) {
    clearInterval(this.#timer);
    this.memory.end(this.#call?.lostSec);
    this.#call = null;
    this.memory.detail = failure?.detail ?? '';
    this.#enter(failure?.state ?? 'ended');
    this.panels.end(this.memory.cells.some((cell) => cell.final));
  }

  /** @param {State} state */
  #enter(state) {
    if (this.memory.state === state && this.#call) return;
    this.memory.state = state;
    this.#tellState();
    this.stage.draw();
  }

  #tellState() {
    const { state, detail } = this.memory;
    const about = { callId: this.callId, rateHz: this.#rateHz, lostSec: this.#call?.lostSec ?? this.memory.lostSec };
    emit(this.element, 'undervoice-state', { state, word: this.stage.word(state), detail, ...about });
  }
}
