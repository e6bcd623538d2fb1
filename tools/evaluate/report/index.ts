/** The report of `attendseg evaluate`: one HTML file that needs nothing else. */
import type { Color } from "../../../src/index.js";
import { stem } from "../../common/files.js";
import { formatBytes, formatCount, formatMilliseconds } from "../../common/table.js";
import { netScore } from "../../inspect/index.js";
import type { Confusion, Evaluation } from "../index.js";
import { drawHistogram, drawLines } from "./charts.js";
import { drawClasses, drawMatrix } from "./classes.js";
import type { Curve, Curves } from "./curves.js";
import { type Example, WRONG, WRONG_VOID } from "./examples.js";
import { escapeHtml, percent } from "./html.js";
import { STYLE } from "./style.js";

/** What a report is made of. */
export interface ReportParts {
  readonly evaluation: Evaluation;
  readonly confusion: Confusion;
  readonly classes: readonly string[];
  readonly palette: readonly Color[];
  readonly best: readonly Example[];
  readonly worst: readonly Example[];
  readonly curves?: Curves;
  /** The words of the command line. */
  readonly command: readonly string[];
  readonly date: Date;
}

/** Writes a report as HTML. */
export function renderReport(parts: ReportParts): string {
  const { evaluation, confusion, classes, palette, best, worst, curves, command, date } = parts;
  const { model, input, variant, frames, perFrame } = evaluation;
  const title = escapeHtml(stem(model));
  const size = `${input.width}x${input.height}`;
  const day = date.toISOString().slice(0, 16).replace("T", " ");
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>${title}: ${percent(evaluation.pixelAccuracy, 2)} %</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${title}</h1>
<p>${frames} frames at ${size}, engine build ${escapeHtml(variant)}, ${day} UTC</p>
<code>${escapeHtml(command.map(quote).join(" "))}</code>
${drawFigures(evaluation)}
<h2>Classes</h2>
<p>Share of all labelled pixels; share of the class's pixels that were found; intersection over union.</p>
${drawClasses(evaluation.perClass, palette)}
<h2>Confusion</h2>
<p>Rows are labels, columns what the model says. The numbers are percent of the row's pixels.</p>
${drawMatrix(confusion, classes)}
<h2>Accuracy of single frames</h2>
${describeFrames(perFrame.map(({ pixelAccuracy }) => pixelAccuracy))}
${drawHistogram(perFrame.map(({ pixelAccuracy }) => pixelAccuracy))}
${drawFrames("Worst frames", worst)}
${drawFrames("Best frames", best)}
${curves ? drawCurves(curves) : ""}
</body>
</html>
`;
}

function drawFigures(evaluation: Evaluation): string {
  const { pixelAccuracy, pixelAccuracyNoVoid, meanIoU, msPerFrame, macs, parameters } = evaluation;
  const figures = [
    ["pixel accuracy", `${percent(pixelAccuracy, 2)} %`],
    ["without Void", `${percent(pixelAccuracyNoVoid, 2)} %`],
    ["mean IoU", `${percent(meanIoU, 2)} %`],
    ["time a frame", formatMilliseconds(msPerFrame)],
    ["MACs", formatCount(macs)],
    ["parameters", formatCount(parameters)],
    ["file", formatBytes(evaluation.fileBytes)],
    ["linear memory", formatBytes(evaluation.memoryBytes)],
    ["NetScore", netScore(pixelAccuracy, parameters, macs).toFixed(2)],
  ];
  return `<dl class="figures">${figures.map(([name, value]) => `<div><dt>${name}</dt><dd>${value}</dd></div>`).join("\n")}</dl>`;
}

function describeFrames(shares: readonly number[]): string {
  const sorted = [...shares].sort((a, b) => a - b);
  const words = [
    `lowest ${percent(sorted[0]!)} %`,
    `median ${percent(sorted[sorted.length >> 1]!)} %`,
    `highest ${percent(sorted.at(-1)!)} %`,
  ];
  return `<p>${words.join(", ")}</p>`;
}

function drawFrames(title: string, examples: readonly Example[]): string {
  if (examples.length === 0) return "";
  const frames = examples.map(({ name, pixelAccuracy, photo, label, mask, difference }) => {
    const pictures = { photo, label, mask, differences: difference };
    const figures = Object.entries(pictures).map(([what, source]) => {
      const words = `${what} of ${escapeHtml(name)}`;
      return `<figure><img src="${source}" alt="${words}"><figcaption>${what}</figcaption></figure>`;
    });
    return `<h3>${escapeHtml(name)}: ${percent(pixelAccuracy)} %</h3>
<div class="example">${figures.join("\n")}</div>`;
  });
  const swatch = (color: Color) => `<i class="swatch" style="background:rgb(${color.join(",")})"></i>`;
  return `<h2>${title}</h2>
<p>${swatch(WRONG)}wrong class &ensp;${swatch(WRONG_VOID)}wrong class where the label is Void</p>
${frames.join("\n")}`;
}

function drawCurves({ loss, accuracy, accuracyNoVoid, meanIoU }: Curves): string {
  const inPercent = (curve: Curve): Curve => curve.map(([epoch, share]) => [epoch, 100 * share]);
  return `<h2>Training</h2>
<div class="charts">
${drawLines("Loss", [{ name: "training", points: loss }])}
${drawLines("Validation, %", [
  { name: "pixel accuracy", points: inPercent(accuracy) },
  { name: "without Void", points: inPercent(accuracyNoVoid) },
  { name: "mean IoU", points: inPercent(meanIoU) },
])}
</div>`;
}

/** A word of a command line as a shell takes it. */
function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
