import { expect, test } from "vitest";
import type { Graph, Node } from "../../../../tools/convert/graph.js";
import { rangesOf } from "../../../../tools/convert/quantize/derive.js";

test("a range is derived once, however many paths lead to a tensor", () => {
  const nodes = Array.from({ length: 64 }, (_, i): Node => {
    const inputs = [`t${i}`, `t${i}`];
    return { name: `add ${i}`, type: "add", inputs, outputs: [`t${i + 1}`], attributes: {} };
  });
  const graph: Graph = {
    nodes,
    constants: new Map(),
    shapes: new Map(),
    quantization: new Map(),
    input: "t0",
    output: "t64",
  };
  const rangeOf = rangesOf(graph, new Map(), "min-max");
  expect(rangeOf("t64", 256)).toEqual({ min: 0, max: 2 ** 64 });
  expect(rangeOf("elsewhere", 256)).toBeUndefined();
});
