/** The element's looks as constructable sheets: a strict CSP forbids inline styles. */

import { LOOKS } from './looks.js';

/** @type {CSSStyleSheet|null} */
let shared = null;

/** @returns {CSSStyleSheet} the sheet that every meter adopts */
export function themeSheet() {
  if (!shared) {
    shared = new CSSStyleSheet();
    shared.replaceSync(LOOKS);
  }
  return shared;
}

/**
 * A sheet of one instance whose custom properties place the marker and the level.
 * @returns {{sheet: CSSStyleSheet, place: (name: '--at-mood'|'--at-level', value: number) => void}}
 */
export function placementSheet() {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync('.card {}');
  const rule = /** @type {CSSStyleRule} */ (sheet.cssRules[0]);
  return { sheet, place: (name, value) => rule.style.setProperty(name, value.toFixed(3)) };
}
