/** The looks of the extras; they come with them. */

export const LOOKS = `
.correct { border: 1px solid var(--uv-line); border-radius: 6px; background: var(--uv-raised); padding: 8px 12px 12px; display: grid; gap: 8px; }
.correct header { display: flex; flex-wrap: wrap; align-items: flex-start; justify-content: flex-end; gap: 4px; }
.correct header p { flex: 1 1 160px; min-width: 0; padding-top: 4px; overflow-wrap: anywhere; }
.correct header p:focus { outline: none; }
.correct .buttons { gap: 6px; }
.correct button:not(.close, .step) { background: var(--uv-surface); }
.steps { flex: none; display: flex; }
button.step { flex: none; min-width: 28px; padding: 0; border-color: transparent; background: none; font-size: 16px; line-height: 1; }
button:disabled { opacity: 0.4; cursor: default; }
.strip + .sr + .correct { margin-block-start: 12px; }
.rows li .correct { grid-column: 1 / -1; }
.log { border-top: 1px solid var(--uv-line); padding-top: 12px; display: grid; gap: 8px; }
.status { color: var(--uv-quiet); font-size: 12px; }
.log h2 { font-size: 13px; font-weight: 600; }
.log > header { display: flex; align-items: baseline; justify-content: space-between; }
.rows { list-style: none; padding: 0; max-height: 220px; overflow-y: auto; }
.rows li { display: grid; grid-template-columns: auto auto 1fr auto; gap: 8px; align-items: center; padding: 4px 0; border-top: 1px solid var(--uv-line); font-size: 12px; }
.rows li:first-child { border-top: 0; }
.rows .dot { width: 10px; height: 10px; border-radius: 3px; border: 1px solid var(--uv-edge); background: var(--hue); }
.rows .dot.unsure { background: repeating-linear-gradient(45deg, var(--uv-raised) 0 2px, var(--uv-edge) 2px 3px); }
.rows .who { color: var(--uv-quiet); overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.summary, .under { border-top: 1px solid var(--uv-line); padding-top: 12px; display: grid; gap: 8px; justify-items: start; }
.summary > div { width: 100%; }
.summary h2 { font-size: 13px; font-weight: 600; color: var(--uv-quiet); }
.summary .went { font-size: 16px; font-weight: 600; line-height: 1.35; text-wrap: balance; }
dl { font-size: 12px; margin-top: 8px; }
dl > div { display: grid; grid-template-columns: 96px minmax(0, 1fr); gap: 0 12px; padding: 6px 0; border-top: 1px solid var(--uv-line); }
dt { color: var(--uv-quiet); }
dd { overflow-wrap: anywhere; }
dd ol, dd ul { list-style: none; padding: 0; display: grid; gap: 2px; }
dd ul { gap: 8px; }
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
