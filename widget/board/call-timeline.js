/** A call over its time: the heat-map of its readings and the line of its mood. */

import { make } from '../src/dom.js';
import { ordered, swatch, wordOf } from './emotions.js';
import { Figure } from './figure.js';
import { Heatmap } from './heatmap.js';
import { clock, percent } from './measures.js';
import { MoodChart } from './mood-chart.js';
import { moodLine } from './smoothing.js';
import { scrollable, table } from './tables.js';
import { WORDS } from './view-words.js';

/** @typedef {import('./records.js').Segment} Segment */

const { readingColumns: READING, moodColumns: MOOD } = WORDS.call;

export class CallTimeline {
  constructor() {
    const words = WORDS.call;
    this.heatmap = new Heatmap();
    this.legend = make('p', { class: 'legend' });
    this.twin = make('div');
    const twin = make('details', { class: 'twin' }, [make('summary', {}, [WORDS.asTable]), this.twin]);
    this.readings = make('section', { class: 'figure', 'aria-labelledby': 'call-readings' }, [
      make('header', {}, [make('h2', { id: 'call-readings' }, [words.readings])]), this.legend, this.heatmap.element, twin,
    ]);
    this.mood = new Figure(words.moodTitle);
    this.chart = new MoodChart(this.mood.canvas);
    this.drawn = '';
    this.visit = new AbortController();
  }

  open() {
    this.drawn = '';
    this.visit = new AbortController();
    this.heatmap.open();
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.redraw(), { signal: this.visit.signal });
  }

  close() {
    this.visit.abort();
    this.heatmap.close();
    this.chart.close();
    this.redraw = () => {};
  }

  redraw = () => {};

  /**
   * @param {Segment[]} segments in the order of the audio
   * @param {import('./records.js').Call} call
   */
  show(segments, call) {
    const drawn = `${call.call_id} ${segments.length} ${call.alerts.length}`;
    if (drawn === this.drawn) return;
    this.drawn = drawn;
    this.#readings(segments, call.alerts);
    this.#mood(segments, call.alerts);
  }

  /**
   * @param {Segment[]} segments
   * @param {import('./context.js').LoggedAlert[]} alerts
   */
  #readings(segments, alerts) {
    const labels = ordered(segments.map((segment) => segment.detected_emotion));
    const all = ordered(segments.flatMap((segment) => Object.keys(segment.all_emotions_confidence)));
    const keys = labels.map((label) => make('span', { class: 'emotion' }, [swatch(label, all), label]));
    if (segments.some((segment) => segment.uncertain)) keys.push(make('span', { class: 'emotion' }, [swatch('', all, true), WORDS.unsure]));
    if (alerts.length) keys.push(make('span', { class: 'emotion' }, [make('span', { class: 'flag key', 'aria-hidden': 'true' }), WORDS.call.alertMark]));
    this.legend.replaceChildren(...keys);
    this.heatmap.draw(segments, alerts);
    const columns = [{ name: READING.from }, { name: READING.to }, { name: READING.emotion }, { name: READING.confidence, number: true }];
    const rows = segments.map((segment) =>
      [clock(segment.start_offset_sec), clock(segment.end_offset_sec), wordOf(segment), percent(segment.confidence_score)]);
    this.twin.replaceChildren(scrollable(WORDS.call.readings, table(WORDS.call.readings, columns, rows)));
  }

  /**
   * @param {Segment[]} segments
   * @param {import('./context.js').LoggedAlert[]} alerts
   */
  #mood(segments, alerts) {
    const line = moodLine(segments);
    const columns = [{ name: MOOD.at }, { name: MOOD.reading, number: true }, { name: MOOD.mood, number: true }];
    const rows = line.map(({ x, y }, place) => [clock(x), percent(segments[place]?.upset_score ?? 0), percent(y)]);
    const highest = line.reduce((one, other) => (other.y > one.y ? other : one), { x: 0, y: 0 });
    const said = WORDS.call.moodSays(percent(line.at(-1)?.y ?? 0), percent(highest.y), clock(highest.x));
    this.mood.show({ said, note: WORDS.call.moodNote, empty: segments.length ? '' : WORDS.call.noReadings, columns, rows });
    this.readings.hidden = segments.length === 0;
    this.redraw = () => (segments.length ? this.chart.draw(segments, alerts) : this.chart.close());
    this.redraw();
  }
}
