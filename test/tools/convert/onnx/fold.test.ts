import { describe, expect, test } from "vitest";
import { ConvertError } from "../../../../tools/convert/errors.js";
import { loadGraph } from "../../../../tools/convert/onnx/load.js";
import { INT64 } from "../../../../tools/convert/onnx/read.js";
import { OnnxBuilder } from "../onnx-builder.js";

/** What a chain of operations on known tensors comes to. */
function folded(add: (b: OnnxBuilder) => string): { dims: number[]; values: number[] } {
  const b = new OnnxBuilder();
  const name = add(b);
  // A second input of Dropout is a number that inference does not use, so it keeps what it is given alive.
  const { graph } = loadGraph(b.build(b.node("Dropout", ["x", name])));
  expect(graph.nodes.length).toBe(1);
  const { dims, values } = graph.constants.get(name)!;
  return { dims: [...dims], values: Array.from(values) };
}

const table = (b: OnnxBuilder): string => b.constant([1, 2, 3, 4, 5, 6], [2, 3], INT64);

describe("foldConstants", () => {
  test.each<[string, (b: OnnxBuilder) => string, readonly number[], readonly number[]]>([
    ["Shape", (b) => b.node("Shape", ["x"], { start: 1, end: -1 }), [2], [3, 32]],
    [
      "Shape of a computed tensor",
      (b) => b.node("Shape", [b.conv("x", 3, 7, 3, { stride: 2 })]),
      [4],
      [1, 7, 16, 24],
    ],
    ["Gather", (b) => b.node("Gather", [table(b), b.ints(-1)], { axis: 1 }), [2, 1], [3, 6]],
    ["Gather by a number", (b) => b.node("Gather", [table(b), b.constant([1], [], INT64)]), [3], [4, 5, 6]],
    [
      "Slice",
      (b) => b.node("Slice", [table(b), b.ints(1), b.ints(2 ** 53), b.ints(1)]),
      [2, 2],
      [2, 3, 5, 6],
    ],
    [
      "Slice backwards",
      (b) => b.node("Slice", [table(b), b.ints(-1), b.ints(-(2 ** 53)), b.ints(1), b.ints(-2)]),
      [2, 2],
      [3, 1, 6, 4],
    ],
    [
      "Concat",
      (b) => b.node("Concat", [table(b), table(b)], { axis: -1 }),
      [2, 6],
      [1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6],
    ],
    ["Unsqueeze", (b) => b.node("Unsqueeze", [b.ints(4, 5), b.ints(0, -1)]), [1, 2, 1], [4, 5]],
    ["Squeeze", (b) => b.node("Squeeze", [b.constant([8], [1, 1], INT64), b.ints(0)]), [1], [8]],
    ["Reshape", (b) => b.node("Reshape", [table(b), b.ints(-1, 2)]), [3, 2], [1, 2, 3, 4, 5, 6]],
    ["Transpose", (b) => b.node("Transpose", [table(b)]), [3, 2], [1, 4, 2, 5, 3, 6]],
    ["Expand", (b) => b.node("Expand", [b.ints(1, 2), b.ints(2, 1)]), [2, 2], [1, 2, 1, 2]],
    ["Range", (b) => b.node("Range", [b.number(0), b.number(5), b.number(2)]), [3], [0, 2, 4]],
    ["ConstantOfShape", (b) => b.node("ConstantOfShape", [b.ints(2, 2)]), [2, 2], [0, 0, 0, 0]],
    ["Constant", (b) => b.node("Constant", [], { value_ints: [7, 8] }), [2], [7, 8]],
    ["Add, repeated", (b) => b.node("Add", [table(b), b.ints(10, 20, 30)]), [2, 3], [11, 22, 33, 14, 25, 36]],
    ["Div of whole numbers", (b) => b.node("Div", [b.ints(-7), b.ints(2)]), [1], [-3]],
    ["Div of numbers", (b) => b.node("Div", [b.number(7), b.number(2)]), [], [3.5]],
    [
      "Mul, Sub, Floor",
      (b) => b.node("Floor", [b.node("Sub", [b.number(2), b.node("Mul", [b.number(1.5), b.number(3)])])]),
      [],
      [-3],
    ],
    ["Cast", (b) => b.node("Cast", [b.number(-2.7)], { to: INT64 }), [], [-2]],
    [
      "Equal and Where",
      (b) => b.node("Where", [b.node("Equal", [b.ints(1, 2), b.ints(1, 3)]), b.ints(5), b.ints(6)]),
      [2],
      [5, 6],
    ],
  ])("%s", (_, add, dims, values) => {
    expect(folded(add)).toEqual({ dims: [...dims], values: [...values] });
  });

  test.each<[string, (b: OnnxBuilder) => string]>([
    ["an index outside", (b) => b.node("Gather", [table(b), b.ints(9)])],
    ["a shape of another size", (b) => b.node("Reshape", [table(b), b.ints(4, 4)])],
    ["shapes that do not fit", (b) => b.node("Add", [table(b), b.ints(1, 2)])],
    ["an absurd size", (b) => b.node("ConstantOfShape", [b.ints(2 ** 40, 2 ** 40)])],
  ])("refuses %s", (_, add) => {
    expect(() => folded(add)).toThrow(ConvertError);
  });
});
