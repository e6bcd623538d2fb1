/** Bar charts as SVG files that stand alone: one bar a row, its name on the left, its value at its end. */

export interface Bar {
  readonly label: string;
  readonly value: number;
  /** As shown; default: the value. */
  readonly text?: string;
  /** Least and largest of several measurements, drawn as a line. */
  readonly range?: readonly [number, number];
  /** Drawn in the colour of ours. */
  readonly isOurs?: boolean;
}

const ROW = 24;
const LEFT = 340;
const WIDTH = 860;
const RIGHT = 150;
const TOP = 44;

/**
 * @param note what the numbers are, e.g. "milliseconds, less is better"
 * @param limit a value marked by a line, with a name
 */
export function barChart(
  title: string,
  note: string,
  bars: readonly Bar[],
  limit?: { readonly value: number; readonly label: string },
): string {
  const most = Math.max(limit?.value ?? 0, ...bars.map(({ value, range }) => range?.[1] ?? value)) || 1;
  const scale = (WIDTH - LEFT - RIGHT) / most;
  const bottom = TOP + bars.length * ROW;
  const height = bottom + (limit ? 26 : 8);
  const rows = bars.map(({ label, value, text, range, isOurs }, index) => {
    const y = TOP + index * ROW;
    const width = Math.max(1, value * scale);
    const end = LEFT + Math.max(width, (range?.[1] ?? 0) * scale) + 6;
    const line = range
      ? `<path class="range" d="M${at(LEFT + range[0] * scale)} ${y + 10}H${at(LEFT + range[1] * scale)}"/>`
      : "";
    return (
      `<text class="end" x="${LEFT - 8}" y="${y + 15}">${escapeXml(label)}</text>` +
      `<rect class="${isOurs ? "ours" : "other"}" x="${LEFT}" y="${y + 3}" width="${at(width)}" height="15" rx="2"/>` +
      `${line}<text x="${at(end)}" y="${y + 15}">${escapeXml(text ?? String(value))}</text>`
    );
  });
  const mark = limit
    ? `<path class="limit" d="M${at(LEFT + limit.value * scale)} ${TOP - 4}V${bottom + 4}"/>` +
      `<text class="middle" x="${at(LEFT + limit.value * scale)}" y="${bottom + 18}">${escapeXml(limit.label)}</text>`
    : "";
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${escapeXml(title)}">
<style>
text{font:12px system-ui,sans-serif;fill:#24292f}.end{text-anchor:end}.middle{text-anchor:middle}.title{font-size:15px;font-weight:600}
.note{fill:#57606a}.paper{fill:#fff}.ours{fill:#0969da}.other{fill:#afb8c1}.range,.limit{fill:none;stroke:#24292f}.limit{stroke-dasharray:4 3}
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.note{fill:#9198a1}.paper{fill:#0d1117}.ours{fill:#4493f8}.other{fill:#656c76}.range,.limit{stroke:#e6edf3}}
</style>
<rect class="paper" width="${WIDTH}" height="${height}"/>
<text class="title" x="8" y="18">${escapeXml(title)}</text><text class="note" x="8" y="35">${escapeXml(note)}</text>
${rows.join("\n")}
${mark}
</svg>
`;
}

function at(value: number): string {
  return String(Math.round(value * 10) / 10);
}

function escapeXml(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/"/g, "&quot;");
}
