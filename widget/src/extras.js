/** What an agent asks for seldom, or after a call: corrections, the summary, uploads, the log. Fetched when it is first wanted. */

import { CorrectionPanel } from './correction-panel.js';
import { Corrections } from './corrections.js';
import { LOOKS } from './extra-looks.js';
import { LogList } from './log-list.js';
import { Summary } from './summary.js';
import { SummaryCard } from './summary-card.js';
import { Upload } from './upload.js';
import { UploadPanel } from './upload-panel.js';

/**
 * @typedef {import('./coaching.js').Coaching} Coaching
 * @typedef {import('./hint-card.js').HintText} HintText
 * @typedef {import('./panels.js').Desk} Desk
 * @typedef {import('./words/language.js').Language} Language
 */

/** @type {CSSStyleSheet|null} */
let sheet = null;

/** @param {Node} root of an element, which gets the extras' looks */
function dress(root) {
  if (!sheet) {
    sheet = new CSSStyleSheet();
    sheet.replaceSync(LOOKS);
  }
  if (root instanceof ShadowRoot && !root.adoptedStyleSheets.includes(sheet)) root.adoptedStyleSheets.push(sheet);
}

/** One element's extras: what they know, and in one language at a time the faces that draw it. */
export class Extras {
  /** @type {{correction: CorrectionPanel, summary: SummaryCard, upload: UploadPanel, log: LogList, above: HTMLElement}|null} */
  faces = null;

  /**
   * @param {Desk} desk
   * @param {Coaching} coaching
   */
  constructor(desk, coaching) {
    this.desk = desk;
    this.coaching = coaching;
    this.corrections = new Corrections(desk);
    this.summary = new Summary(desk);
    this.upload = new Upload(desk);
  }

  /**
   * Make the faces anew.
   * @param {Language} language
   * @param {HintText} hintText
   * @param {{above: HTMLElement, below: HTMLElement}} places where they stand: above the buttons and below them
   */
  make(language, hintText, { above, below }) {
    const correction = new CorrectionPanel(language, this.corrections);
    const summary = new SummaryCard(language, this.summary, this.coaching, hintText);
    const upload = new UploadPanel(language, this.upload);
    const log = new LogList(this.desk.access, language, correction);
    this.faces = { correction, summary, upload, log, above };
    above.replaceChildren(summary.element, upload.element);
    below.replaceChildren(log.element);
  }

  /** @param {boolean} uploads whether a file may be chosen now */
  draw(uploads) {
    if (!this.faces) return;
    dress(this.faces.above.getRootNode());
    this.faces.correction.draw();
    this.faces.summary.draw();
    this.faces.upload.draw(uploads);
  }

  /** A call begins: what was told of the last one goes. */
  clear() {
    this.corrections.choose(null);
    this.summary.clear();
    this.upload.cancel();
  }
}
