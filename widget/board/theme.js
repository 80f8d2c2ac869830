/** The widget's hues, on the whole page: one table of colours for both. */

import { themeSheet } from '../src/theme.js';

/**
 * @returns {CSSStyleSheet} what the widget's sheet says of custom properties, for the page's root in place of the element
 */
export function hues() {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(properties(themeSheet().cssRules));
  return sheet;
}

/**
 * @param {CSSRuleList} rules
 * @returns {string}
 */
function properties(rules) {
  return [...rules].map((rule) => {
    if (rule instanceof CSSMediaRule) return within(`@media ${rule.conditionText}`, properties(rule.cssRules));
    if (!(rule instanceof CSSStyleRule)) return '';
    const own = [...rule.style].filter((name) => name.startsWith('--'));
    const said = own.map((name) => `${name}: ${rule.style.getPropertyValue(name)};`).join(' ');
    return within(onPage(rule.selectorText), said);
  }).join('\n');
}

/**
 * @param {string} selectors the element's
 * @returns {string} those that a page has too
 */
function onPage(selectors) {
  const kept = selectors.split(',').map((each) => each.trim()).filter((each) => !each.startsWith(':host('));
  return kept.map((each) => (each === ':host' ? ':root' : each)).join(', ');
}

/**
 * @param {string} head
 * @param {string} body
 */
function within(head, body) {
  return head && body.trim() && `${head} { ${body} }`;
}
