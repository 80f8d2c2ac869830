/** A call's mood as a line over its time, with the zones of the meter and a mark where an alert was raised. */

import { Chart, LineController, LineElement, LinearScale, PointElement, ScatterController, Tooltip } from 'chart.js';
import { clock, percent } from './measures.js';
import { paletteOf } from './palette.js';
import { TENSE_FROM, UPSET_FROM, moodLine } from './smoothing.js';
import { WORDS } from './view-words.js';

Chart.register(LineController, LineElement, LinearScale, PointElement, ScatterController, Tooltip);

/**
 * @typedef {import('./records.js').Segment} Segment
 * @typedef {import('./palette.js').Palette} Palette
 */

export class MoodChart {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    /** @type {Chart<'line'|'scatter', {x: number, y: number}[]>|null} */
    this.chart = null;
  }

  /**
   * @param {Segment[]} segments in the order of the audio
   * @param {import('./context.js').LoggedAlert[]} alerts
   */
  draw(segments, alerts) {
    this.close();
    const palette = paletteOf(this.canvas, []);
    const end = Math.max(1, segments.at(-1)?.end_offset_sec ?? 0);
    this.chart = new Chart(this.canvas, {
      type: 'line',
      data: { datasets: [line(segments, palette), dots(segments, palette)] },
      options: options(end, palette),
      plugins: [zones(palette), marks(alerts, palette)],
    });
  }

  close() {
    this.chart?.destroy();
    this.chart = null;
  }
}

/** @param {Segment[]} segments @param {Palette} palette */
function line(segments, palette) {
  return {
    type: /** @type {const} */ ('line'), label: WORDS.call.mood, data: moodLine(segments),
    borderColor: palette.ink, borderWidth: 2, pointRadius: 0, pointHitRadius: 12, tension: 0.25, order: 1,
  };
}

/** @param {Segment[]} segments @param {Palette} palette */
function dots(segments, palette) {
  return {
    type: /** @type {const} */ ('scatter'), label: WORDS.call.readingScore,
    data: segments.map((segment) => ({ x: segment.end_offset_sec, y: segment.upset_score })),
    pointRadius: 2.5, pointBorderColor: palette.edge, pointBackgroundColor: palette.surface, pointBorderWidth: 1.5, order: 2, clip: 6,
  };
}

/**
 * @param {number} end of the call, in seconds
 * @param {Palette} palette
 * @returns {import('chart.js').ChartOptions<'line'|'scatter'>}
 */
function options(end, palette) {
  const ticks = { color: palette.quiet, font: { family: 'system-ui, sans-serif', size: 12 }, maxRotation: 0 };
  return {
    animation: false,
    responsive: true,
    maintainAspectRatio: false,
    layout: { padding: { right: 8 } },
    interaction: { mode: 'nearest', axis: 'x', intersect: false },
    scales: {
      x: {
        type: 'linear', min: 0, max: end, grid: { display: false }, border: { color: palette.edge },
        ticks: { ...ticks, stepSize: stepOf(end), autoSkipPadding: 16, callback: (value) => clock(Number(value)) },
      },
      y: {
        min: 0, max: 1, grid: { color: palette.line }, border: { display: false },
        ticks: { ...ticks, stepSize: 0.25, callback: (value) => String(Math.round(Number(value) * 100)) },
      },
    },
    plugins: {
      tooltip: {
        backgroundColor: palette.surface, titleColor: palette.ink, bodyColor: palette.ink, borderColor: palette.edge, borderWidth: 1,
        cornerRadius: 6, padding: 10, displayColors: false,
        callbacks: {
          title: ([item]) => clock(item?.parsed.x ?? 0),
          label: (item) => `${item.dataset.label} ${percent(item.parsed.y ?? 0)}`,
        },
      },
    },
  };
}

/**
 * @param {number} end in seconds
 * @returns {number} seconds between two names on the axis, as clocks have them
 */
function stepOf(end) {
  return [10, 30, 60, 120, 300, 600, 1800].find((step) => end / step <= 10) ?? 3600;
}

/**
 * The meter's zones behind the line: they are named, and not told by colour alone.
 * @param {Palette} palette
 * @returns {import('chart.js').Plugin}
 */
function zones(palette) {
  const bands = /** @type {[string, number, number, string, number][]} */ ([
    [WORDS.call.zones.upset, UPSET_FROM, 1, palette.upset, 0.16], [WORDS.call.zones.tense, TENSE_FROM, UPSET_FROM, palette.tense, 0.16],
    [WORDS.call.zones.calm, 0, TENSE_FROM, palette.surface, 0],
  ]);
  return {
    id: 'zones',
    beforeDatasetsDraw({ ctx: pen, chartArea: { left, width }, scales: { y } }) {
      if (!y) return;
      pen.save();
      pen.font = '11px system-ui, sans-serif';
      pen.textBaseline = 'top';
      for (const [name, low, high, colour, strength] of bands) {
        const top = y.getPixelForValue(high);
        pen.globalAlpha = strength;
        pen.fillStyle = colour;
        pen.fillRect(left, top, width, y.getPixelForValue(low) - top);
        pen.globalAlpha = 1;
        pen.fillStyle = palette.quiet;
        pen.fillText(name, left + 6, top + 4);
      }
      pen.restore();
    },
  };
}

/**
 * @param {import('./context.js').LoggedAlert[]} alerts
 * @param {Palette} palette
 * @returns {import('chart.js').Plugin}
 */
function marks(alerts, palette) {
  return {
    id: 'marks',
    afterDatasetsDraw({ ctx: pen, chartArea: { top, bottom }, scales: { x } }) {
      if (!x) return;
      pen.save();
      pen.strokeStyle = pen.fillStyle = palette.ink;
      pen.setLineDash([3, 3]);
      for (const alert of alerts.filter((each) => each.severity !== 'info')) {
        const at = x.getPixelForValue(alert.offset_sec);
        pen.beginPath();
        pen.moveTo(at, top);
        pen.lineTo(at, bottom);
        pen.stroke();
        pen.beginPath();
        pen.moveTo(at - 5, top);
        pen.lineTo(at + 5, top);
        pen.lineTo(at, top + 8);
        pen.fill();
      }
      pen.restore();
    },
  };
}
