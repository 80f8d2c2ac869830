/** The parts of the meter's face, made once; `view.js` fills them. */

import { make, makeButton } from './dom.js';

/** @typedef {import('./words/en.js').Words} Words */

/**
 * What the buttons ask for.
 * @typedef {object} Actions
 * @property {() => void} microphone
 * @property {() => void} tab
 * @property {() => void} unblock
 * @property {() => void} pause
 * @property {() => void} stop
 */

/**
 * @param {Words} text
 * @returns what is read
 */
export function makeFace(text) {
  const ear = make('span', { class: 'ear' });
  const time = make('span', { class: 'time' });
  const level = make('span', { class: 'level', 'aria-hidden': 'true' }, [make('i')]);
  const word = make('p', { class: 'word', part: 'word' });
  const note = make('p', { class: 'note' });
  const wrong = make('button', { type: 'button', class: 'plain small' }, [text.correct.wrong]);
  const fault = make('span', { class: 'fault' });
  // Failures are told at once; the mood has the announcer's slower region.
  const trouble = make('p', { class: 'sr', role: 'status' });
  return {
    ear, time, level, fault, word, note, wrong, trouble,
    top: make('div', { class: 'top' }, [level, ear, time, fault]),
    headline: make('div', { class: 'head' }, [word, note, trouble]),
    meter: makeMeter(text),
    facts: make('p', { class: 'facts' }),
  };
}

/**
 * @param {Words} text
 * @returns {HTMLElement} the band with its zones and its marker
 */
function makeMeter(text) {
  const band = make('div', { class: 'band' }, [make('span'), make('span'), make('span')]);
  const zones = make('div', { class: 'zones', 'aria-hidden': 'true' }, [text.zones.calm, text.zones.tense, text.zones.upset].map((zone) => make('span', {}, [zone])));
  const marker = make('div', { class: 'marker' });
  const range = { 'aria-valuemin': '0', 'aria-valuemax': '100', 'aria-valuenow': '0' };
  const attributes = { class: 'meter', role: 'meter', 'aria-label': text.meter, part: 'meter', ...range };
  return make('div', attributes, [band, zones, make('div', { class: 'track' }, [marker])]);
}

/**
 * @param {Actions} actions
 * @param {(open: boolean) => Promise<void>} log shows it or hides it
 * @param {Words} text
 */
export function makeButtons(actions, log, text) {
  const unblock = makeButton(text.unblock, 'main', actions.unblock);
  const microphone = makeButton(text.microphone, 'main', actions.microphone);
  const tab = makeButton(text.tab, '', actions.tab);
  const pause = makeButton(text.pause, '', actions.pause);
  const stop = makeButton(text.stop, '', actions.stop);
  const toggle = makeButton(text.log, 'plain', () => {
    const open = toggle.getAttribute('aria-expanded') !== 'true';
    toggle.setAttribute('aria-expanded', String(open));
    log(open).catch(() => toggle.setAttribute('aria-expanded', 'false'));
  });
  toggle.setAttribute('aria-expanded', 'false');
  toggle.setAttribute('aria-controls', 'log');
  const row = make('div', { class: 'buttons' }, [unblock, microphone, tab, pause, stop, toggle]);
  return { row, unblock, microphone, tab, pause, stop };
}
