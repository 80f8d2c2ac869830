/** The element's looks. What an integrator may change of them is listed with the element. */

import { PANELS } from './theme-panels.js';

const EMOTIONS = ['neutral', 'happy', 'sad', 'angry', 'surprised', 'fearful', 'disgusted'];

const HUE = `
  --uv-neutral: #999999; --uv-happy: #009e73; --uv-angry: #d55e00;
  --uv-surprised: #f0e442; --uv-fearful: #cc79a7; --uv-disgusted: #56b4e9; --uv-other: #999999;
  --uv-calm: #2a9d8f; --uv-tense: #e0a32e; --uv-upset: #d55e00;`;

const LIGHT = `
  --uv-surface: #ffffff; --uv-ink: #16202a; --uv-quiet: #52606d; --uv-line: #d5dbe1; --uv-edge: #6b7785;
  --uv-raised: #f4f6f8; --uv-accent: #0b6e63; --uv-on-accent: #ffffff; --uv-sad: #0072b2; --uv-on-sad: #ffffff;`;

const DARK = `
  --uv-surface: #141a20; --uv-ink: #eef2f5; --uv-quiet: #a9b4bf; --uv-line: #2f3943; --uv-edge: #8a97a4;
  --uv-raised: #1d252d; --uv-accent: #5cc4b6; --uv-on-accent: #08201d; --uv-sad: #3b9bd4; --uv-on-sad: #10161c;`;

const TOKENS = `
:host {
  ${HUE} ${LIGHT}
  display: block; container-type: inline-size; min-width: 200px; max-width: 100%;
  color: var(--uv-ink); font: 14px/1.45 system-ui, sans-serif; font-variant-numeric: tabular-nums;
  color-scheme: light dark; text-align: start;
}
:host([hidden]) { display: none; }
@media (prefers-color-scheme: dark) { :host { ${DARK} } }
:host([theme="light"]) { ${LIGHT} color-scheme: light; }
:host([theme="dark"]) { ${DARK} color-scheme: dark; }
@media (prefers-contrast: more) {
  :host, :host([theme]) {
    --uv-quiet: var(--uv-ink); --uv-line: var(--uv-ink); --uv-edge: var(--uv-ink);
    --uv-accent: var(--uv-ink); --uv-on-accent: var(--uv-surface);
  }
}`;

const FRAME = `
* { box-sizing: border-box; margin: 0; }
[hidden] { display: none !important; }
.card { background: var(--uv-surface); border: 1px solid var(--uv-line); border-radius: 12px; padding: 16px; display: grid; grid-template-columns: minmax(0, 1fr); gap: 16px; }
.sr { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.top { display: flex; flex-wrap: wrap; align-items: center; gap: 4px 8px; color: var(--uv-quiet); font-size: 12px; min-height: 16px; }
.top .time { margin-inline-start: auto; }
.level { flex: none; width: 24px; height: 8px; border-radius: 4px; border: 1px solid var(--uv-edge); overflow: hidden; }
.level i { display: block; height: 100%; background: var(--uv-accent); width: calc(var(--at-level, 0) * 100%); transition: width 100ms linear; }
.ear { flex: 1; min-width: 0; overflow-wrap: anywhere; }
.word { font-size: clamp(22px, 10cqi, 30px); line-height: 1.1; font-weight: 650; letter-spacing: -0.015em; overflow-wrap: anywhere; text-wrap: balance; }
.note { color: var(--uv-quiet); margin-top: 4px; min-height: 20px; }
.note b { color: var(--uv-ink); font-weight: 600; }
@container (min-width: 340px) { .word { font-size: clamp(32px, 10cqi, 40px); } .card { padding: 20px; } .level { width: 40px; } }
@container (min-width: 640px) { .card { padding: 24px; } .word { font-size: 48px; } }`;

const METER = `
.meter { position: relative; padding-block-start: 12px; }
/* The zones end where the server enters "tense" and "upset": 0.45 and 0.60. */
.band { display: grid; grid-template-columns: 45fr 15fr 40fr; gap: 2px; height: 12px; }
.band span { background: var(--uv-calm); }
.band span:first-child { border-start-start-radius: 6px; border-end-start-radius: 6px; }
.band span:nth-child(2) { background: var(--uv-tense); }
.band span:last-child { background: var(--uv-upset); border-start-end-radius: 6px; border-end-end-radius: 6px; }
.zones { display: grid; grid-template-columns: 45fr 15fr 40fr; gap: 2px; font-size: 10px; color: var(--uv-quiet); margin-top: 4px; }
.track { position: absolute; inset: 4px 7px auto; height: 28px; pointer-events: none; }
.marker { position: absolute; inset-inline-start: calc(var(--at-mood, 0) * 100%); transition: inset-inline-start 300ms ease; width: 14px; height: 28px; margin-inline-start: -7px; background: var(--uv-ink); border: 3px solid var(--uv-surface); border-radius: 7px; }
.meter.empty .marker { visibility: hidden; }
.meter.empty .band, .stale .band { filter: grayscale(1); opacity: 0.4; }
@container (min-width: 340px) { .zones { font-size: 11px; } }
.facts { display: flex; flex-wrap: wrap; gap: 4px 16px; font-size: 12px; color: var(--uv-quiet); }
.stale .word { opacity: 0.7; }
.stale .strip { opacity: 0.55; filter: grayscale(1); }
.stale .marker { background: var(--uv-edge); }
/* Without a connection: a broken outline, an empty marker, no colours; the word says why and stays in full ink. */
.card.away { border-style: dashed; border-color: var(--uv-edge); }
.away .strip { opacity: 0.55; filter: grayscale(1); }
.away .band { filter: grayscale(1); opacity: 0.3; }
.away .marker { background: var(--uv-surface); border: 2px dashed var(--uv-edge); transition: none; }
@media (prefers-reduced-motion: reduce) { .marker, .level i { transition: none; } }`;

const STRIP = `
.strip { display: flex; justify-content: flex-end; align-items: flex-end; gap: 2px; height: 48px; overflow: hidden; border-bottom: 1px solid var(--uv-line); }
.cell:last-child { margin-inline-end: auto; }
.cell { flex: none; width: 18px; min-height: 18px; border: 1px solid var(--uv-edge); border-radius: 3px 3px 0 0; background-color: var(--hue); color: #10161c; font-size: 11px; font-weight: 650; line-height: 16px; text-align: center; display: flex; align-items: flex-end; justify-content: center; }
.cell.open { background-color: color-mix(in srgb, var(--hue) 35%, var(--uv-surface)); color: var(--uv-ink); border-style: dashed; }
.cell.unsure { background: repeating-linear-gradient(45deg, var(--uv-raised) 0 3px, var(--uv-line) 3px 6px); color: var(--uv-ink); }
.cell.unsure b { background: var(--uv-surface); border-radius: 2px; padding: 0 2px; line-height: 14px; margin-bottom: 1px; }
.cell[data-emotion="sad"]:not(.open, .unsure) { color: var(--uv-on-sad); }`;

const CONTROLS = `
.buttons { display: flex; flex-wrap: wrap; gap: 8px; }
button { font: inherit; font-weight: 550; color: var(--uv-ink); background: var(--uv-raised); border: 1px solid var(--uv-edge); border-radius: 8px; padding: 7px 12px; min-height: 36px; cursor: pointer; }
button:hover { border-color: var(--uv-ink); }
button.main { background: var(--uv-accent); border-color: var(--uv-accent); color: var(--uv-on-accent); }
button.plain { background: none; border-color: transparent; padding-inline: 4px; color: var(--uv-quiet); text-decoration: underline; text-underline-offset: 3px; }
.buttons .plain { margin-inline-start: auto; }
:focus-visible { outline: 3px solid var(--uv-accent); outline-offset: 2px; }`;

/**
 * Little room: the word, the movement, the reading; a row of its own for the rest only where something is to be said.
 * @param {string} host the elements that it holds for
 */
const compact = (host) => `
${host} .card { padding: 12px; gap: 8px; }
${host} .word { font-size: clamp(20px, 10cqi, 24px); }
${host} .note { min-height: 0; margin-top: 2px; font-size: 13px; }
${host} .strip, ${host} .zones { display: none; }
${host} .story { display: contents; }
${host} button:not(.small) { font-size: 13px; min-height: 32px; padding: 4px 10px; }
${host} button.plain { padding-inline: 4px; }`;

const ROOM = `
${compact(':host([layout="compact"])')}
@container (max-width: 279px) { ${compact(':host(:not([layout="full"]))')} }
@container (min-width: 480px) {
  :host([layout="compact"]) .card { grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); grid-template-rows: auto auto 1fr; gap: 8px 24px; }
  :host([layout="compact"]) .card > * { grid-column: 1 / -1; }
  :host([layout="compact"]) .card > .head { grid-area: 1 / 1 / 4 / 2; }
  :host([layout="compact"]) .card > .top { grid-area: 1 / 2 / 2 / 3; }
  :host([layout="compact"]) .card > .meter { grid-area: 2 / 2 / 3 / 3; margin-block: -6px 8px; }
  :host([layout="compact"]) .card > .facts { grid-area: 3 / 2 / 4 / 3; }
}
@container (min-width: 900px) {
  :host([layout="compact"]) .card { grid-template-columns: minmax(0, 5fr) minmax(0, 4fr) fit-content(46%); }
  :host([layout="compact"]) .card > .buttons { grid-area: 1 / 3 / 4 / 4; align-content: center; justify-content: flex-end; }
}`;

/** What must be told apart where browsers paint with few colours of the reader's own, or the reader wants more contrast. */
const CONTRAST = `
@media (prefers-contrast: more) {
  .marker { border-width: 2px; outline: 2px solid var(--uv-ink); }
  .band span { border: 1px solid var(--uv-ink); }
  .stale .word, .stale .strip, .away .strip, .away .band, .meter.empty .band, .stale .band { opacity: 1; }
  button { border-width: 2px; }
}
@media (forced-colors: active) {
  .band span { border: 1px solid CanvasText; }
  .band span:nth-child(2) { border-block-width: 3px; }
  .band span:last-child { border-block-width: 6px; }
  .marker, .level i { forced-color-adjust: none; background: Highlight; border-color: Canvas; }
  .stale .marker, .away .marker { background: Canvas; border: 2px dashed CanvasText; }
  .stale .word, .stale .strip, .away .strip, .away .band, .meter.empty .band, .stale .band { opacity: 1; filter: none; }
  button.main { border-width: 2px; }
}`;

const HUES = ['[data-emotion] { --hue: var(--uv-other); }', ...EMOTIONS.map((each) => `[data-emotion="${each}"] { --hue: var(--uv-${each}); }`)].join('\n');
// Heights by rule and not by style attribute: tenths of the confidence, of the strip's 47 px.
const HEIGHTS = Array.from({ length: 11 }, (_, tenths) => `.cell[data-tenths="${tenths}"] { height: ${tenths * 4.6}px; }`).join('\n');

/** All of it, as CSS. The bundle has it ready made and without what only readers need. */
export const LOOKS = [TOKENS, FRAME, METER, STRIP, CONTROLS, PANELS, HUES, HEIGHTS, ROOM, CONTRAST].join('\n');
