/** Charts that stretch to the width of the page: shapes in SVG, words in HTML, so that these keep their size. */
import type { Curve } from "./curves.js";
import { escapeHtml } from "./html.js";

/** A line of a chart. */
export interface Line {
  readonly name: string;
  readonly points: Curve;
}

/** Numbers of 1, 2 or 5 times a power of ten that divide low..high into at most `most` parts, from below low to above high. */
export function ticks(low: number, high: number, most: number): number[] {
  const least = Math.max(high - low, 1e-3 * Math.max(1, Math.abs(high))) / most;
  const power = 10 ** Math.floor(Math.log10(least));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= least * (1 - 1e-9))!;
  const first = Math.floor(low / step + 1e-9);
  const last = Math.max(first + 1, Math.ceil(high / step - 1e-9));
  return Array.from({ length: last - first + 1 }, (_, at) => Number(((first + at) * step).toPrecision(12)));
}

/** A line chart over epochs. Lines without points are left out. */
export function drawLines(title: string, lines: readonly Line[]): string {
  const drawn = lines.filter(({ points }) => points.length > 0);
  if (drawn.length === 0) return "";
  const points = drawn.flatMap((line) => line.points);
  const rows = ticks(Math.min(...points.map(([, y]) => y)), Math.max(...points.map(([, y]) => y)), 5);
  const [bottom, top] = [rows[0]!, rows.at(-1)!];
  const last = Math.max(...points.map(([x]) => x));
  const column = (x: number) => ((100 * x) / Math.max(1, last)).toFixed(2);
  const row = (y: number) => ((100 * (top - y)) / (top - bottom)).toFixed(2);
  const grid = rows.map((y) => `<path class="grid" d="M0 ${row(y)}H100"/>`);
  const paths = drawn.map(({ points }, index) => {
    return `<path class="line line${index}" d="M${points.map(([x, y]) => `${column(x)} ${row(y)}`).join("L")}"/>`;
  });
  const labels = rows.map((y) => `<span style="top:${row(y)}%">${y}</span>`);
  const legend = drawn.map(({ name, points }, index) => {
    return `<span class="key key${index}">${escapeHtml(name)}: ${points.at(-1)![1].toPrecision(4)}</span>`;
  });
  return `<figure class="chart">
<figcaption>${escapeHtml(title)} ${legend.join(" ")}</figcaption>
<div class="plot"><div class="rows">${labels.join("")}</div>
<svg viewBox="0 0 100 100" preserveAspectRatio="none" role="img" aria-label="${escapeHtml(title)}">${grid.join("")}${paths.join("")}</svg></div>
<div class="ends"><span>0</span><span>epoch</span><span>${last}</span></div>
</figure>`;
}

/** How many shares (0..1) fall into each stretch of a few percent. */
export function drawHistogram(shares: readonly number[]): string {
  const edges = ticks(100 * Math.min(...shares), 100 * Math.max(...shares), 20);
  const counts = new Array<number>(edges.length - 1).fill(0);
  for (const share of shares) {
    const bin = Math.floor((100 * share - edges[0]!) / (edges[1]! - edges[0]!) + 1e-9);
    counts[Math.min(bin, counts.length - 1)]!++;
  }
  const most = Math.max(...counts);
  const bars = counts.map((count, bin) => {
    const height = ((100 * count) / most).toFixed(1);
    const range = `${edges[bin]} to ${edges[bin + 1]} %`;
    return `<div title="${range}: ${count}"><b>${count || ""}</b><i style="height:${height}%"></i></div>`;
  });
  return `<div class="histogram">${bars.join("")}</div>
<div class="ends"><span>${edges[0]} %</span><span>accuracy of a frame</span><span>${edges.at(-1)} %</span></div>`;
}
