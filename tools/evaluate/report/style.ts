/** How a report looks, in light and in dark, on paper and on a phone. */
export const STYLE = `
:root { color-scheme: light dark; --paper: #fff; --ink: #1b1f24; --dim: #5d6670; --line: #d8dde3; --panel: #f4f6f8;
  --accent: #1f66c1; --on-accent: #fff; --second: #c2571a; --third: #2d8a4e; }
@media (prefers-color-scheme: dark) { :root { --paper: #14171b; --ink: #e6e9ed; --dim: #98a2ad; --line: #333a42;
  --panel: #1e2329; --accent: #6ea8ef; --on-accent: #10151b; --second: #f0975c; --third: #6cc98e; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.25rem; max-width: 66rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif; }
h1 { margin: 0; font-size: 1.6rem; overflow-wrap: anywhere; }
h2 { margin: 2.2rem 0 .6rem; font-size: 1.2rem; }
h3 { margin: 1.2rem 0 .4rem; font-size: 1rem; overflow-wrap: anywhere; }
p, figcaption { color: var(--dim); margin: .3rem 0 .8rem; }
code { display: block; padding: .6rem .8rem; background: var(--panel); border-radius: .4rem;
  font: .85rem/1.45 ui-monospace, monospace; overflow-wrap: anywhere; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: .6rem; margin: 1rem 0; }
.figures div { padding: .6rem .8rem; background: var(--panel); border-radius: .4rem; }
.figures dt { color: var(--dim); font-size: .85rem; }
.figures dd { margin: 0; font-size: 1.25rem; font-variant-numeric: tabular-nums; }
.scroll { overflow-x: auto; }
.classes { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
.classes th, .classes td { padding: .2rem .5rem; text-align: right; border-bottom: 1px solid var(--line); }
.classes th { font-weight: 500; white-space: nowrap; }
.classes th:first-child { text-align: left; }
.classes thead th { color: var(--dim); font-size: .85rem; white-space: normal; }
.classes td:last-child { width: 45%; min-width: 5rem; padding-right: 0; }
.swatch { display: inline-block; width: .8em; height: .8em; margin-right: .5em; border-radius: 2px;
  border: 1px solid var(--line); }
.bar { background: var(--panel); border-radius: 3px; }
.bar i { display: block; height: .8rem; background: var(--accent); border-radius: 3px; }
.grid { stroke: var(--line); fill: none; vector-effect: non-scaling-stroke; }
.matrix rect { fill: var(--accent); }
.matrix text { fill: var(--ink); font: 11px system-ui, sans-serif; text-anchor: middle; pointer-events: none; }
.matrix .strong { fill: var(--on-accent); }
.matrix .row { font-size: 12px; text-anchor: end; }
.matrix .column { font-size: 12px; text-anchor: start; }
.histogram { display: flex; height: 12.2rem; padding-top: 1.2rem; gap: 2px; border-bottom: 1px solid var(--line); }
.histogram div { flex: 1; min-width: 0; display: flex; flex-direction: column; justify-content: flex-end;
  text-align: center; }
.histogram b { height: 1.2rem; margin-top: -1.2rem; font-size: .75rem; font-weight: 500; color: var(--dim); }
.histogram i { background: var(--accent); border-radius: 3px 3px 0 0; }
.ends { display: flex; justify-content: space-between; color: var(--dim); font-size: .85rem; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 1.2rem; }
.chart { margin: 0; }
.chart .ends { padding-left: 3rem; }
.plot { position: relative; padding-left: 3rem; height: 14rem; margin: .6rem 0 .5rem; }
.plot svg { display: block; width: 100%; height: 100%; overflow: visible; }
.rows span { position: absolute; left: 0; width: 2.6rem; text-align: right; transform: translateY(-50%);
  color: var(--dim); font-size: .8rem; }
.line { fill: none; stroke-width: 2; vector-effect: non-scaling-stroke; stroke-linejoin: round; }
.line0 { stroke: var(--accent); } .line1 { stroke: var(--second); } .line2 { stroke: var(--third); }
.key { white-space: nowrap; margin-left: .7em; } .key::before { content: "\\25cf\\a0"; }
.key0::before { color: var(--accent); } .key1::before { color: var(--second); } .key2::before { color: var(--third); }
.example { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 10rem), 1fr)); gap: .5rem; }
.example figure { margin: 0; }
.example img { display: block; width: 100%; height: auto; border-radius: .3rem; }
.example figcaption { margin: .15rem 0 .4rem; font-size: .8rem; }
@media (max-width: 30rem) { body { padding: .9rem; } .example { grid-template-columns: 1fr 1fr; }
  .classes { font-size: .85rem; } .classes th, .classes td { padding: .2rem .25rem; }
  .classes td:last-child { width: 25%; min-width: 3rem; } }
`;
