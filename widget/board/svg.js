/** Small drawings: a shape for each mood and each trend, so that colour says nothing alone. */

const NAMESPACE = 'http://www.w3.org/2000/svg';

/**
 * @template {keyof SVGElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, string|number>} [attributes]
 * @param {Node[]} [children]
 * @returns {SVGElementTagNameMap[Tag]}
 */
export function draw(tag, attributes = {}, children = []) {
  const element = document.createElementNS(NAMESPACE, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}

/** @type {Record<string, string>} in a square of 16 */
const SHAPES = {
  calm: 'M8 2a6 6 0 1 0 0 12a6 6 0 1 0 0-12z',
  recovering: 'M8 2a6 6 0 1 0 0 12z',
  tense: 'M8 1.5 15 14H1z',
  upset: 'M5 1.5h6L14.5 5v6L11 14.5H5L1.5 11V5z',
  none: 'M3 7h10v2H3z',
  rising: 'M3 12 11 4M5 4h6v6',
  steady: 'M2 8h11M9 4l4 4-4 4',
  calming: 'M3 4l8 8M5 12h6V6',
};

/**
 * @param {string} name of a mood or a trend
 * @returns {SVGSVGElement} it is decoration: the word beside it says the same
 */
export function shape(name) {
  const path = draw('path', { d: SHAPES[name] ?? SHAPES.none });
  return draw('svg', { viewBox: '0 0 16 16', class: 'shape', 'data-shape': name, 'aria-hidden': 'true' }, [path]);
}

/**
 * Show another shape in the same place.
 * @param {SVGSVGElement} drawn
 * @param {string} name
 */
export function reshape(drawn, name) {
  if (drawn.dataset.shape === name) return;
  drawn.dataset.shape = name;
  drawn.firstElementChild?.setAttribute('d', SHAPES[name] ?? SHAPES.none);
}
