/** Stacked bars of emotions on a canvas. The table beside it says the same to those who do not see it. */

import { BarController, BarElement, CategoryScale, Chart, LinearScale, Tooltip } from 'chart.js';
import { percent } from './measures.js';
import { paletteOf } from './palette.js';
import { share } from './trend-rows.js';
import { WORDS } from './view-words.js';

Chart.register(BarController, BarElement, CategoryScale, LinearScale, Tooltip);

/** A letter is drawn where a bar's part is at least this large, in pixels. */
const LETTER_ROOM = 15;

/**
 * @typedef {object} Stack
 * @property {import('./trend-rows.js').Place[]} places
 * @property {string[]} labels emotions, the first one at the bottom
 * @property {Set<string>} left emotions that are left out
 * @property {boolean} shares of each place's readings, in place of counts
 * @property {(name: string) => string} naming how a place is called on the axis
 * @property {boolean} [lying] bars from left to right, one below the other
 */

/** A chart that is drawn anew with each answer; `close` lets go of the canvas. */
export class StackedChart {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    /** @type {Chart<'bar', number[], string>|null} */
    this.chart = null;
  }

  /** @param {Stack} stack */
  draw(stack) {
    this.close();
    const palette = paletteOf(this.canvas, stack.labels);
    this.chart = new Chart(this.canvas, {
      type: 'bar',
      data: { labels: stack.places.map((place) => stack.naming(place.name)), datasets: datasets(stack, palette) },
      options: options(stack, palette),
      plugins: [letters(palette)],
    });
  }

  close() {
    this.chart?.destroy();
    this.chart = null;
  }
}

/**
 * @param {Stack} stack
 * @param {import('./palette.js').Palette} palette
 */
function datasets({ places, labels, left, shares }, palette) {
  return labels.filter((emotion) => !left.has(emotion)).map((emotion) => ({
    label: emotion,
    data: places.map(({ row }) => (row ? (shares ? share(row, emotion) * 100 : (row.emotion_distribution[emotion] ?? 0)) : 0)),
    backgroundColor: palette.fill(emotion),
    borderColor: palette.edge,
    borderWidth: 1,
    borderSkipped: false,
    categoryPercentage: 0.86,
    barPercentage: 1,
    maxBarThickness: 44,
  }));
}

/**
 * @param {Stack} stack
 * @param {import('./palette.js').Palette} palette
 * @returns {import('chart.js').ChartOptions<'bar'>}
 */
function options({ places, shares, lying, naming }, palette) {
  const ticks = { color: palette.quiet, font: { family: 'system-ui, sans-serif', size: 12 } };
  const names = /** @type {const} */ ({ stacked: true, grid: { display: false }, border: { color: palette.edge } });
  const amounts = /** @type {const} */ ({ stacked: true, beginAtZero: true, grid: { color: palette.line }, border: { display: false } });
  const amount = { ...amounts, ...(shares ? { max: 100 } : {}), ticks: { ...ticks, precision: 0, maxTicksLimit: 5, callback: written(shares) } };
  const name = { ...names, ticks: { ...ticks, maxRotation: 0, autoSkip: !lying, autoSkipPadding: 12 } };
  return {
    animation: false,
    responsive: true,
    maintainAspectRatio: false,
    indexAxis: lying ? 'y' : 'x',
    interaction: { mode: 'index', axis: lying ? 'y' : 'x', intersect: false },
    scales: lying ? { x: amount, y: name } : { x: name, y: amount },
    plugins: { tooltip: tooltip(places, shares, naming, palette) },
  };
}

/** @param {boolean} shares */
function written(shares) {
  return (/** @type {number|string} */ value) => (shares ? percent(Number(value) / 100) : Number(value).toLocaleString());
}

/**
 * @param {import('./trend-rows.js').Place[]} places
 * @param {boolean} shares
 * @param {(name: string) => string} naming
 * @param {import('./palette.js').Palette} palette
 */
function tooltip(places, shares, naming, palette) {
  return {
    backgroundColor: palette.surface, titleColor: palette.ink, bodyColor: palette.ink, footerColor: palette.quiet,
    borderColor: palette.edge, borderWidth: 1, cornerRadius: 6, padding: 10, boxPadding: 4,
    filter: (/** @type {import('chart.js').TooltipItem<'bar'>} */ item) => item.raw !== 0,
    itemSort: (/** @type {import('chart.js').TooltipItem<'bar'>} */ one, /** @type {import('chart.js').TooltipItem<'bar'>} */ other) =>
      other.datasetIndex - one.datasetIndex,
    callbacks: {
      title: (/** @type {import('chart.js').TooltipItem<'bar'>[]} */ items) => naming(places[items[0]?.dataIndex ?? 0]?.name ?? ''),
      label: (/** @type {import('chart.js').TooltipItem<'bar'>} */ item) => `${item.dataset.label} ${written(shares)(Number(item.raw))}`,
      footer: (/** @type {import('chart.js').TooltipItem<'bar'>[]} */ items) => {
        const row = places[items[0]?.dataIndex ?? 0]?.row;
        return row ? WORDS.trends.readingsOfCalls(row.total_segments, row.calls) : '';
      },
    },
  };
}

/**
 * Write each emotion's letter on the parts that have room for it.
 * @param {import('./palette.js').Palette} palette
 * @returns {import('chart.js').Plugin<'bar'>}
 */
function letters(palette) {
  return {
    id: 'letters',
    afterDatasetsDraw(chart) {
      const pen = chart.ctx;
      pen.save();
      pen.font = '650 10px system-ui, sans-serif';
      pen.textAlign = 'center';
      pen.textBaseline = 'middle';
      chart.data.datasets.forEach((dataset, place) => {
        const letter = palette.letter(dataset.label ?? '');
        for (const bar of chart.getDatasetMeta(place).data) mark(pen, boxOf(bar), letter, palette);
      });
      pen.restore();
    },
  };
}

/**
 * @param {import('chart.js').Element} bar
 * @returns {{left: number, top: number, width: number, height: number}}
 */
function boxOf(bar) {
  const { x, y, base, width, height, horizontal } = /** @type {any} */ (bar.getProps(['x', 'y', 'base', 'width', 'height', 'horizontal'], true));
  if (horizontal) return { left: Math.min(x, base), top: y - height / 2, width: Math.abs(x - base), height };
  return { left: x - width / 2, top: Math.min(y, base), width, height: Math.abs(y - base) };
}

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {{left: number, top: number, width: number, height: number}} box
 * @param {string} letter
 * @param {import('./palette.js').Palette} palette
 */
function mark(pen, box, letter, palette) {
  if (box.width < LETTER_ROOM || box.height < LETTER_ROOM) return;
  const [x, y] = [box.left + box.width / 2, box.top + box.height / 2];
  // Ink on the page's own colour is legible, whatever hue and pattern lie around it.
  pen.fillStyle = palette.surface;
  pen.beginPath();
  pen.roundRect(x - 6, y - 6.5, 12, 13, 3);
  pen.fill();
  pen.fillStyle = palette.ink;
  pen.fillText(letter, x, y + 0.5);
}
