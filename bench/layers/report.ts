/** Single layers on several engines: a table, and bars. */
import { formatMarkdown } from "../../tools/common/table.js";
import { round } from "../statistics.js";
import { barChart } from "../svg.js";
import { COUNT } from "./cases.js";
import { type LayerResult, layerTime } from "./measure.js";

/** @param file name of the chart beside the raw results */
export function layersSection(
  layers: readonly LayerResult[],
  host: string,
  file: string,
): { text: string; svg: string } {
  const labels = layers[0]!.engines.map(({ label }) => label);
  const rows = layers.map(({ label, macs, engines }) => {
    const times = engines.map(layerTime);
    const rival = times.at(-1)!;
    return [
      label,
      (macs / 1e6).toFixed(1),
      ...times.map(round),
      ...times.slice(0, -1).map((time) => `${(rival / time).toFixed(2)} x`),
    ];
  });
  const ratios = labels.slice(0, -1).map((label) => `${labels.at(-1)} / ${label.replace("attendseg ", "")}`);
  const times = labels.map((label) => `${label}, ms`);
  const text = `## Single layers in ${host}

Wall time of one layer, one thread, integers of all engines. No runtime tells it, so each layer has two networks, one
with ${COUNT} of it side by side and one with a single one, alike in everything else; shown is what one more layer takes. Masks were compared
before. Padding is that of TensorFlow, which LiteRT.js need not make by an operation of its own.

![Bars of milliseconds by layer](results/${file})

${formatMarkdown(rows, ["layer", "MMAC", ...times, ...ratios])}`;
  const bars = layers.flatMap(({ label, engines }) =>
    engines.map((engine) => {
      const value = layerTime(engine);
      return {
        label: `${label}: ${engine.label}`,
        value,
        text: `${round(value)} ms`,
        isOurs: engine.label.startsWith("attendseg"),
      };
    }),
  );
  return { text, svg: barChart(`One layer in ${host}`, "milliseconds, less is better", bars) };
}
