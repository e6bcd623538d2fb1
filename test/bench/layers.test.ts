import { describe, expect, it } from "vitest";
import { COUNT, LAYERS, layerModel, macsOf } from "../../bench/layers/cases.js";
import { layerTime } from "../../bench/layers/measure.js";
import { networkOf } from "../../bench/networks/layers.js";
import { tfliteNetwork } from "../../bench/networks/tflite.js";
import * as format from "../../src/format.js";
import { modelInfo } from "../../src/info.js";
import { parseModel } from "../../src/model.js";
import { plan } from "../../src/plan.js";
import { writeModel } from "../../tools/convert/index.js";
import { readTable } from "./flatbuffer-reader.js";

const CODES = { CONV_2D: 3, DEPTHWISE_CONV_2D: 4, PAD: 34 };

describe.each(LAYERS)("$label", (layer) => {
  const many = parseModel(writeModel(layerModel(layer, true)));
  const one = parseModel(writeModel(layerModel(layer, false)));
  const macs = (model: typeof many) => modelInfo(model, plan(model, layer.side, layer.side)).macs;

  it("has two networks that differ by its own operations alone", () => {
    expect(macs(many) - macs(one)).toBe((COUNT - 1) * macsOf(layer));
    const adds = (model: typeof many) => model.ops.filter(({ code }) => code === format.ADD).length;
    expect(adds(many)).toBe(COUNT - 1);
    expect(adds(one)).toBe(COUNT - 1);
    expect(many.ops.length - one.ops.length).toBe(COUNT - 1);
  });

  it("has weights of its own for each", () => {
    const weights = many.ops.filter(({ code }) => code === layer.code).map((op) => op.weights.join());
    expect(new Set(weights).size).toBe(weights.length);
  });

  it("is written for others without an operation for padding", () => {
    const root = readTable(tfliteNetwork(networkOf(many), "s8"));
    const codes = root.tables(1).map((code) => code.int(3));
    const operators = root.tables(2)[0]!.tables(3);
    const used = operators.map((operator) => codes[operator.int(0)]);
    expect(used).not.toContain(CODES.PAD);
    const kind = layer.code === format.DEPTHWISE ? CODES.DEPTHWISE_CONV_2D : CODES.CONV_2D;
    expect(used.filter((code) => code === kind).length).toBeGreaterThanOrEqual(COUNT);
  });
});

it("takes the difference of both networks for the time of one layer", () => {
  const times = (...walls: number[]) => walls.map((wall) => ({ wall, cpu: 0 }));
  const layer = COUNT - 1;
  const many = [times(2 + layer, 2 + 3 * layer, 2 + 2 * layer), times(2 + 2 * layer), times(2 + 9 * layer)];
  const one = [times(2, 1, 3), times(2), times(2)];
  expect(layerTime({ many, one })).toBeCloseTo(2);
});
