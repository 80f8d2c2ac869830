/** The looks of hints, and of what the reading and the line have beside them. */

export const PANELS = `
.facts { align-items: baseline; }
.facts button { margin-inline-start: auto; }
button.small { font-size: 12px; padding: 2px 10px; min-height: 28px; border-radius: 6px; }
button.small[aria-pressed="true"] { background: var(--uv-accent); border-color: var(--uv-accent); color: var(--uv-on-accent); }
button.small.plain { border: 0; padding: 2px 4px; font-size: 12px; min-height: 24px; }
button.close { flex: none; min-width: 28px; padding: 0; border-color: transparent; background: none; font-size: 16px; line-height: 1; }
button.done::after { content: ' ✓'; }
.place { display: contents; }
.place > * { grid-column: 1 / -1; }
.hints { display: grid; gap: 8px; }
.hint { border: 1px solid var(--uv-line); border-radius: 6px; background: var(--uv-raised); padding: 8px 12px 12px; display: grid; gap: 8px; }
.hint { border-inline-start: 4px solid var(--uv-tense); }
.hint[data-severity="critical"] { border-inline-start-color: var(--uv-upset); }
.hint[data-severity="info"] { border-inline-start-color: var(--uv-calm); }
.hint header { display: flex; align-items: flex-start; gap: 4px; }
.hint header p { flex: 1; }
.hint header p { min-width: 0; padding-top: 4px; overflow-wrap: anywhere; }
.hint header p { font-weight: 600; }
.hint button:not(.close, .plain, [aria-pressed="true"]) { background: var(--uv-surface); }
.hint .buttons { gap: 6px; }
.hint .buttons button { font-size: 13px; padding: 4px 8px; min-height: 32px; }
.foot, .snoozed { display: flex; flex-wrap: wrap; align-items: center; gap: 4px 6px; font-size: 12px; color: var(--uv-quiet); }
.foot span { margin-inline-end: auto; }
.snoozed { justify-content: space-between; }
.cell { cursor: pointer; }
.cell.open { cursor: default; }
.cell.corrected { outline: 2px solid var(--uv-ink); outline-offset: -2px; }
.cell.corrected b { text-decoration: line-through; }
.trend { white-space: nowrap; }
.top { flex-wrap: wrap; row-gap: 4px; }
.ear { flex: 1 1 64px; }
.fault { flex-basis: 100%; color: var(--uv-ink); }
.fault::before { content: '▲ '; font-size: 9px; vertical-align: 1px; color: var(--uv-edge); }`;
