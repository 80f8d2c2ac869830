/** One call: how it went, second by second, what was said of it, who looked at it; and how to erase it. */

import { make } from '../src/dom.js';
import { CallReader } from './call-reader.js';
import { alertSection, auditSection, factsOf, feedbackSection, totalsSection } from './call-sections.js';
import { CallTimeline } from './call-timeline.js';
import { headline, summarySection } from './call-summary.js';
import { Eraser } from './eraser.js';
import { Standing } from './states.js';
import { WORDS } from './view-words.js';

/** @typedef {import('./call-reader.js').Known} Known */

/**
 * @typedef {import('./context.js').View} View
 * @implements {View}
 */
export class CallPage {
  /** @param {import('./context.js').Context} context */
  constructor({ api, feed }) {
    this.title = WORDS.call.title;
    this.id = '';
    this.standing = new Standing();
    this.facts = make('div', { class: 'facts' });
    this.timeline = new CallTimeline();
    this.summary = make('div', { class: 'sections' });
    this.rest = make('div', { class: 'sections' });
    this.audit = make('div');
    this.eraser = new Eraser(api, () => this.#erased());
    this.content = make('div', { class: 'content', hidden: '' }, [
      this.facts, this.timeline.readings, this.summary, this.timeline.mood.element, this.rest,
    ]);
    this.element = make('div', { class: 'view call' }, [this.standing.element, this.content, this.audit, this.eraser.element]);
    this.reader = new CallReader(api, feed, {
      known: (known) => this.#show(known),
      looked: (audit) => this.#looked(audit),
      erased: () => this.#erased(),
      failed: (error) => this.#failed(error),
    });
  }

  /**
   * @param {string[]} path
   * @param {URLSearchParams} _query
   */
  open(path, _query) {
    this.id = path[0] ?? '';
    this.title = this.id || WORDS.call.title;
    this.content.hidden = this.eraser.element.hidden = true;
    this.audit.replaceChildren();
    if (!this.id) {
      this.standing.empty(WORDS.call.unknownTitle, WORDS.call.unnamed);
      return;
    }
    this.standing.say(WORDS.loading);
    this.timeline.open();
    this.reader.open(this.id);
  }

  close() {
    this.reader.close();
    this.timeline.close();
    this.eraser.close();
  }

  /** @param {Known} known */
  #show({ call, segments, feedback }) {
    this.standing.say('');
    this.content.hidden = false;
    this.eraser.offer(call.call_id, call.live);
    this.facts.replaceChildren(headline(call), factsOf(call));
    this.timeline.show(segments, call);
    this.summary.replaceChildren(summarySection(call), alertSection(call.alerts));
    this.rest.replaceChildren(feedbackSection(feedback, segments), totalsSection(call));
  }

  /** @param {import('./records.js').CallAudit} audit */
  #looked(audit) {
    const before = this.audit.querySelector('details');
    const section = auditSection(audit);
    section.open = before?.open ?? false;  // whoever was reading it reads on
    this.audit.replaceChildren(section);
  }

  #erased() {
    this.reader.forget();
    this.content.hidden = this.eraser.element.hidden = true;
    this.timeline.close();
    this.standing.empty(WORDS.erase.doneTitle, WORDS.erase.done(this.id));
  }

  /** @param {unknown} error */
  #failed(error) {
    const isUnknown = error instanceof Error && /** @type {{code?: string}} */ (error).code === 'unknown_call';
    if (isUnknown) this.standing.empty(WORDS.call.unknownTitle, WORDS.call.unknown);
    else this.standing.failed(error, () => this.reader.open(this.id));
  }
}
