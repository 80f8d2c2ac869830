/** Make elements without markup in strings, so that nothing a server sends can become markup. */

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, string>} [attributes]
 * @param {(Node|string)[]} [children]
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function make(tag, attributes = {}, children = []) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/**
 * Set text only where it differs: a screen reader must not hear the same words twice.
 * @param {Element} element
 * @param {string} text
 */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * @param {string} text
 * @param {string} kind its class: `main` for the one to press, `plain` and `small` for the lesser
 * @param {() => void} act
 * @param {string} [label] what it is called where its text alone does not say
 * @returns {HTMLButtonElement}
 */
export function makeButton(text, kind, act, label) {
  const button = make('button', { type: 'button', class: kind, ...(label ? { 'aria-label': label } : {}) }, [text]);
  button.addEventListener('click', act);
  return button;
}
