/** What the report says about classes: bars of their IoU, and which are taken for which. */
import type { Color } from "../../../src/index.js";
import type { ClassScore, Confusion } from "../index.js";
import { escapeHtml, percent } from "./html.js";

/** A table of the classes that occur in the labels, the largest first, with a bar for the IoU of each. */
export function drawClasses(scores: readonly ClassScore[], palette: readonly Color[]): string {
  const rows = scores
    .map((score, id) => ({ ...score, color: palette[id]! }))
    .filter(({ share }) => share > 0)
    .sort((a, b) => b.share - a.share)
    .map(({ name, share, accuracy, iou, color }) => {
      const swatch = `<i class="swatch" style="background:rgb(${color.join(",")})"></i>`;
      const bar = `<div class="bar"><i style="width:${percent(iou!)}%"></i></div>`;
      return `<tr><th scope="row">${swatch}${escapeHtml(name)}</th><td>${percent(share, 2)}</td>
<td>${percent(accuracy!)}</td><td>${percent(iou!)}</td><td>${bar}</td></tr>`;
    });
  return `<div class="scroll"><table class="classes">
<thead><tr><th scope="col">class</th><th scope="col">pixels, %</th><th scope="col">found, %</th>
<th scope="col" colspan="2">IoU, %</th></tr></thead>
<tbody>${rows.join("\n")}</tbody></table></div>`;
}

/** Width of a cell and of the margin for names, pixels. */
const CELL = 24;
const MARGIN = 150;

/**
 * The confusion matrix as a picture: a row for each class of the labels, the largest first, a column for each class
 * that was predicted, shades for the share of the row's pixels, and that share in percent where it rounds to 1 or more.
 */
export function drawMatrix({ counts }: Confusion, names: readonly string[]): string {
  const ids = names.map((_, id) => id);
  const row = (id: number) => ids.map((other) => counts[id * names.length + other]!);
  const labelled = ids.map((id) => row(id).reduce((sum, count) => sum + count, 0));
  const predicted = ids.map((id) => ids.reduce((sum, other) => sum + counts[other * names.length + id]!, 0));
  const order = [...ids].sort((a, b) => labelled[b]! - labelled[a]!);
  const rows = order.filter((id) => labelled[id]! > 0);
  const columns = order.filter((id) => labelled[id]! > 0 || predicted[id]! > 0);
  const middle = (at: number) => MARGIN + CELL * (at + 0.5);
  const cells = rows.flatMap((label, y) =>
    columns.flatMap((mask, x) => {
      const share = row(label)[mask]! / labelled[label]!;
      if (share === 0) return [];
      const place = `x="${MARGIN + CELL * x}" y="${MARGIN + CELL * y}" width="${CELL}" height="${CELL}"`;
      const words = `${names[label]} taken for ${names[mask]}: ${percent(share, 2)} %`;
      const cell = `<rect ${place} fill-opacity="${share.toFixed(3)}"><title>${escapeHtml(words)}</title></rect>`;
      if (share < 0.005) return [cell];
      const strong = share > 0.6 ? ' class="strong"' : "";
      return [cell, `<text${strong} x="${middle(x)}" y="${middle(y) + 4}">${percent(share, 0)}</text>`];
    }),
  );
  const right = MARGIN + CELL * columns.length;
  const bottom = MARGIN + CELL * rows.length;
  const lines = [
    ...[...rows, 0].map((_, y) => `M${MARGIN} ${MARGIN + CELL * y}H${right}`),
    ...[...columns, 0].map((_, x) => `M${MARGIN + CELL * x} ${MARGIN}V${bottom}`),
  ];
  const left = rows.map((id, y) => {
    return `<text class="row" x="${MARGIN - 6}" y="${middle(y) + 4}">${escapeHtml(names[id]!)}</text>`;
  });
  const above = columns.map((id, x) => {
    const place = `translate(${middle(x) + 4} ${MARGIN - 6}) rotate(-90)`;
    return `<text class="column" transform="${place}">${escapeHtml(names[id]!)}</text>`;
  });
  return `<div class="scroll"><svg class="matrix" width="${right + 2}" height="${bottom + 2}" role="img" aria-label="confusion matrix">
<path class="grid" d="${lines.join("")}"/>
${[...cells, ...left, ...above].join("\n")}
</svg></div>`;
}
