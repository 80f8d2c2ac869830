/** The looks of what stands below the meter. */

export const PANELS = `
.reading { display: flex; flex-wrap: wrap; align-items: baseline; justify-content: space-between; gap: 0 8px; }
button.small { font-size: 12px; padding: 2px 10px; min-height: 28px; border-radius: 6px; }
button.small[aria-pressed="true"] { background: var(--uv-accent); border-color: var(--uv-accent); color: var(--uv-on-accent); }
button.small.plain { border: 0; padding: 2px 4px; font-size: 12px; min-height: 24px; }
button.close, button.step { flex: none; min-width: 28px; padding: 0; border-color: transparent; background: none; font-size: 16px; line-height: 1; }
button.done::after { content: ' ✓'; }
button:disabled { opacity: 0.4; cursor: default; }
.hints { display: grid; gap: 8px; }
.hint, .correct { border: 1px solid var(--uv-line); border-radius: 6px; background: var(--uv-raised); padding: 8px 12px 12px; display: grid; gap: 8px; }
.hint { border-inline-start: 4px solid var(--uv-tense); }
.hint[data-severity="critical"] { border-inline-start-color: var(--uv-upset); }
.hint[data-severity="info"] { border-inline-start-color: var(--uv-calm); }
.hint header, .correct header { display: flex; align-items: flex-start; gap: 4px; }
.correct header { flex-wrap: wrap; justify-content: flex-end; }
.correct header p { flex: 1 1 160px; }
.hint header p { flex: 1; }
.hint header p, .correct header p { min-width: 0; padding-top: 4px; overflow-wrap: anywhere; }
.hint header p { font-weight: 600; }
.correct header p:focus { outline: none; }
.hint button:not(.close, .plain, [aria-pressed="true"]), .correct button:not(.close, .step) { background: var(--uv-surface); }
.hint .buttons button { font-size: 13px; padding: 4px 10px; min-height: 32px; }
.foot, .snoozed { display: flex; flex-wrap: wrap; align-items: center; gap: 4px 6px; font-size: 12px; color: var(--uv-quiet); }
.foot span { margin-inline-end: auto; }
.snoozed { justify-content: space-between; }
.correct .buttons { gap: 6px; }
.strip + .sr + .correct { margin-block-start: 12px; }
.cell { cursor: pointer; }
.cell.open { cursor: default; }
.cell.corrected { outline: 2px solid var(--uv-ink); outline-offset: -2px; }
.cell.corrected b { text-decoration: line-through; }
.rows li .correct { grid-column: 1 / -1; }
.trend { white-space: nowrap; }
.top { flex-wrap: wrap; row-gap: 4px; }
.ear { flex: 1 1 64px; }
.fault { flex-basis: 100%; color: var(--uv-ink); }
.fault::before { content: '▲ '; font-size: 9px; vertical-align: 1px; color: var(--uv-edge); }
.summary, .under { border-top: 1px solid var(--uv-line); padding-top: 12px; display: grid; gap: 8px; justify-items: start; }
.summary > div { width: 100%; }
.summary h2 { font-size: 13px; font-weight: 600; color: var(--uv-quiet); }
.summary .went { font-size: 16px; font-weight: 600; line-height: 1.35; text-wrap: balance; }
dl { font-size: 12px; margin-top: 8px; }
dl > div { display: grid; grid-template-columns: 96px minmax(0, 1fr); gap: 0 12px; padding: 6px 0; border-top: 1px solid var(--uv-line); }
dt { color: var(--uv-quiet); }
dd { overflow-wrap: anywhere; }
dd ol, dd ul { list-style: none; padding: 0; display: grid; gap: 2px; }
dd li time { color: var(--uv-quiet); margin-inline-end: 4px; }
dd li i { color: var(--uv-quiet); font-style: normal; display: block; }
.under { justify-items: stretch; grid-template-columns: minmax(0, 1fr); }
.under header { display: flex; align-items: center; justify-content: space-between; gap: 8px; }
.under b { min-width: 0; font-size: 13px; font-weight: 600; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.under progress { width: 100%; accent-color: var(--uv-accent); }
.drop { border: 1px dashed var(--uv-edge); border-radius: 8px; padding: 8px 12px; display: flex; flex-wrap: wrap; align-items: center; justify-content: space-between; gap: 4px 8px; font-size: 12px; color: var(--uv-quiet); }
.drop.over { border-style: solid; border-color: var(--uv-accent); background: var(--uv-raised); }
@container (max-width: 300px) {
  dl > div { grid-template-columns: minmax(0, 1fr); }
  .log li .who { grid-area: 2 / 1 / 3 / -1; }
  .log li button.plain { grid-column: 4; }
}`;
