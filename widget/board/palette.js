/** The page's colours for a canvas, and a pattern for each emotion, so that no hue has to be told from another. */

import { letterOf } from '../src/strings.js';

/** A tile of a pattern, in CSS pixels. */
const TILE = 8;

/** @typedef {(pen: CanvasRenderingContext2D) => void} Stroke */

/** @type {Record<string, Stroke>} */
const STROKES = {
  neutral: () => {},
  happy: (pen) => pen.arc(4, 4, 1.3, 0, 2 * Math.PI),
  surprised: (pen) => lines(pen, [[0, 4, 8, 4], [4, 0, 4, 8]]),
  sad: (pen) => lines(pen, [[0, 2, 8, 2], [0, 6, 8, 6]]),
  fearful: (pen) => lines(pen, [[2, 0, 2, 8], [6, 0, 6, 8]]),
  disgusted: (pen) => lines(pen, [[-2, -2, 10, 10], [-2, 6, 2, 10], [6, -2, 10, 2]]),
  angry: (pen) => lines(pen, [[-2, 10, 10, -2], [-2, 2, 2, -2], [6, 10, 10, 6]]),
};

/** For labels that are none of the seven, one after another. @type {Stroke[]} */
const OTHERS = [
  (pen) => lines(pen, [[0, 6, 4, 2], [4, 2, 8, 6]]),
  (pen) => pen.rect(2, 2, 4, 4),
  (pen) => lines(pen, [[1, 4, 5, 4]]),
];

/**
 * @typedef {object} Palette
 * @property {string} ink
 * @property {string} quiet
 * @property {string} line
 * @property {string} edge
 * @property {string} surface
 * @property {string} accent
 * @property {string} tense
 * @property {string} upset
 * @property {(emotion: string) => CanvasPattern|string} fill
 * @property {(emotion: string) => string} letter
 */

/**
 * @param {Element} element whose colours count: they differ by light and dark
 * @param {string[]} labels all emotions that are drawn
 * @returns {Palette}
 */
export function paletteOf(element, labels) {
  const style = getComputedStyle(element);
  const colour = (/** @type {string} */ name) => style.getPropertyValue(`--uv-${name}`).trim();
  const others = labels.filter((label) => !STROKES[label]);
  const fills = new Map(labels.map((label) => {
    const stroke = STROKES[label] ?? OTHERS[others.indexOf(label) % OTHERS.length] ?? (() => {});
    return [label, tiled(colour(label) || colour('other'), stroke)];
  }));
  return {
    ink: colour('ink'), quiet: colour('quiet'), line: colour('line'), edge: colour('edge'), surface: colour('surface'),
    accent: colour('accent'), tense: colour('tense'), upset: colour('upset'),
    fill: (emotion) => fills.get(emotion) ?? colour('other'),
    letter: (emotion) => letterOf(emotion, labels),
  };
}

/**
 * @param {string} hue
 * @param {Stroke} stroke
 * @returns {CanvasPattern|string} the hue alone where there is no canvas to be had
 */
function tiled(hue, stroke) {
  const scale = Math.max(1, Math.round(window.devicePixelRatio));
  const tile = document.createElement('canvas');
  tile.width = tile.height = TILE * scale;
  const pen = tile.getContext('2d');
  if (!pen) return hue;
  pen.fillStyle = hue;
  pen.fillRect(0, 0, tile.width, tile.height);
  pen.scale(scale, scale);
  pen.strokeStyle = 'rgb(16 22 28 / 0.55)';
  pen.lineWidth = 1.2;
  pen.beginPath();
  stroke(pen);
  pen.stroke();
  const pattern = pen.createPattern(tile, 'repeat');
  // A chart draws in CSS pixels, the tile is of the screen's own.
  pattern?.setTransform(new DOMMatrix().scale(1 / scale));
  return pattern ?? hue;
}

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {number[][]} ends x and y of both ends, each
 */
function lines(pen, ends) {
  for (const [x1 = 0, y1 = 0, x2 = 0, y2 = 0] of ends) {
    pen.moveTo(x1, y1);
    pen.lineTo(x2, y2);
  }
}
