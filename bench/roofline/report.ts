/** What each operation reaches of what the machine could do: a table, and bars by kind of operation. */
import type { Model } from "../../src/ops.js";
import { formatMarkdown } from "../../tools/common/table.js";
import { round } from "../statistics.js";
import { barChart } from "../svg.js";
import type { Roofline } from "./measure.js";
import { byKind, type Cost, costs, rate } from "./ops.js";

const SIDE = 512;

/** @param title build and host @param file name of the chart beside the raw results */
export function rooflineSection(
  roofline: Roofline,
  model: Model,
  title: string,
  file: string,
): { text: string; svg: string } {
  const { dot, relaxed, relaxedAdd } = roofline.peaks;
  const isRelaxed = roofline.variant.startsWith("relaxed");
  const peak = isRelaxed ? Math.max(dot ?? 0, relaxed ?? 0, relaxedAdd ?? 0) : dot;
  const list = costs(model, roofline, SIDE);
  const kinds = byKind(list);
  const total = list.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  const macs = list.reduce((sum, cost) => sum + cost.macs, 0);
  const cells = (cost: Cost): string[] => [
    cost.name,
    cost.detail,
    round(cost.milliseconds),
    share(cost.milliseconds / total, 1),
    cost.macs > 0 ? (cost.macs / 1e6).toFixed(1) : "",
    cost.macs > 0 ? round(rate(cost)) : "",
    cost.macs > 0 && peak ? share(rate(cost) / peak) : "",
    (cost.bytes / 1e6).toFixed(2),
    round(cost.bytes / cost.milliseconds / 1e6),
  ];
  const columns = ["ms", "share of time", "MMAC", "GMAC/s", "of the peak", "MB moved", "GB/s"];
  const show = (value: number | null) => (value === null ? "not in this host" : `${round(value)} GMAC/s`);
  const peaks = [
    `i32x4.dot_i16x8_s and add: ${show(dot)}`,
    `i16x8.relaxed_dot_i8x16_i7x16_s, widened and added: ${show(relaxed)}`,
    `i32x4.relaxed_dot_i8x16_i7x16_add_s: ${show(relaxedAdd)}`,
  ];
  const text = `## What is left: ${title}

The most that one core did in registers alone: ${peaks.join("; ")}. Every operation was timed on its own within whole
inferences; together ${round(total)} ms, ${round(macs / total / 1e6)} GMAC/s. "Moved" counts each input, weight and output once.

![GMAC/s by kind of operation](results/${file})

${formatMarkdown(kinds.map(cells), ["operation", "count", ...columns])}

<details><summary>Every operation</summary>

${formatMarkdown(
  list.map((cost, index) => [String(index), ...cells(cost)]),
  ["", "operation", "output", ...columns],
)}

</details>`;
  const bars = kinds
    .filter((cost) => cost.macs > 0)
    .map((cost) => ({
      label: `${cost.name} (${share(cost.milliseconds / total)} of the time)`,
      value: rate(cost),
      text: `${round(rate(cost))} GMAC/s`,
      isOurs: true,
    }));
  const limit = peak ? { value: peak, label: `peak ${round(peak)}` } : undefined;
  return { text, svg: barChart(`Speed by operation: ${title}`, "GMAC/s, more is better", bars, limit) };
}

/** A share in per cent, "-" where nothing was measured. */
function share(value: number, digits = 0): string {
  return Number.isFinite(value) ? `${(100 * value).toFixed(digits)} %` : "-";
}
