import { describe, expect, test, vi } from "vitest";
import { compose, computeAll, type Expression, INPUT } from "../../../tools/convert/expression.js";
import { ConvertError, convert } from "../../../tools/convert/index.js";
import { loadGraph } from "../../../tools/convert/onnx/load.js";
import { lower } from "../../../tools/convert/passes/index.js";
import { FIXTURE } from "../command.js";
import { images, OnnxBuilder } from "./onnx-builder.js";

vi.setConfig({ testTimeout: 120_000 });

const lowered = (file: Uint8Array) => lower(loadGraph(file).graph);

describe("files made to hang or to fill memory", () => {
  test("t + t, sixty times: functions are merged only while they are small", () => {
    const b = new OnnxBuilder();
    let last = "x";
    for (let at = 0; at < 60; at++) last = b.node("Add", [last, last]);
    expect(lowered(b.build(b.conv(last, 3, 3))).nodes.length).toBeLessThan(20);
  });

  test("what a function shares is computed once, and stays shared when functions are merged", () => {
    const add = (of: Expression): Expression => ({
      kind: "call",
      name: "Add",
      args: [of, of],
      parameters: [],
    });
    let doubled = INPUT;
    for (let at = 0; at < 60; at++) doubled = add(doubled);
    expect([...computeAll(doubled, [1, -3])]).toEqual([2 ** 60, -3 * 2 ** 60]);
    expect([...computeAll(compose(doubled, doubled), [1])]).toEqual([2 ** 120]);
  });

  test("a chain of thousands of nodes, in any order", () => {
    const b = new OnnxBuilder();
    let last = "x";
    for (let at = 0; at < 3000; at++) last = b.node("Add", [last, b.number(0.001)]);
    const file = b.build(b.conv(last, 3, 3));
    const { nodes } = lowered(file);
    expect(nodes.length).toBeLessThan(100);
    b.nodes.reverse();
    expect(lowered(b.build(last)).nodes).toHaveLength(nodes.length - 1);
  });

  test("a chain of nodes that do nothing", () => {
    const b = new OnnxBuilder();
    let last = "x";
    for (let at = 0; at < 8000; at++) last = b.node("Identity", [last]);
    expect(lowered(b.build(b.conv(last, 3, 3))).nodes).toHaveLength(1);
  });

  test("one tensor that thousands of nodes read", () => {
    const b = new OnnxBuilder();
    let last = "x";
    for (let at = 0; at < 4000; at++) last = b.node("Add", [b.node("Abs", ["x"]), last]);
    expect(() => lowered(b.build(b.conv(last, 3, 3)))).not.toThrow(RangeError);
  });

  test("too many nodes", () => {
    const b = new OnnxBuilder();
    let last = "x";
    for (let at = 0; at < 9000; at++) last = b.node("Relu", [last]);
    expect(() => loadGraph(b.build(last))).toThrow("the network has 9000 nodes; at most 8192 are supported");
  });

  test("constants that double", () => {
    const b = new OnnxBuilder();
    let last = b.constant([1, 2, 3, 4]);
    for (let at = 0; at < 40; at++) last = b.node("Concat", [last, last], { axis: 0 });
    const file = b.build(b.node("Add", ["x", last]));
    expect(() => loadGraph(file)).toThrow(/^Concat "node_concat\d+": its constants grow too large$/);
  });

  test("activations that grow", () => {
    const b = new OnnxBuilder();
    const wide = b.node("Pad", ["x", b.ints(0, 0, 0, 0, 0, 0, 1_000_000, 1_000_000)]);
    expect(() => lower(loadGraph(b.build(wide)).graph)).toThrow(
      /Pad "node_pad0": an output of .* is too large/,
    );
  });

  test.each(["constructor", "toString", "__proto__"])("a node of type %s", (type) => {
    const b = new OnnxBuilder();
    expect(() => loadGraph(b.build(b.node(type, ["x"], {}, "y")))).toThrow(ConvertError);
  });

  test("tensors of a hundred axes", () => {
    const b = new OnnxBuilder();
    const deep = b.node("Neg", [b.constant([1], new Array(100).fill(1))]);
    expect(() => loadGraph(b.build(b.node("Mul", ["x", deep])))).toThrow(/more than 8 axes/);
  });

  test("a model file", () => {
    expect(() => loadGraph(FIXTURE)).toThrow("this is an .aseg model file already, an ONNX file is expected");
  });

  test("values that no int8 tensor holds", async () => {
    const b = new OnnxBuilder();
    let last = b.conv("x", 3, 3);
    for (let at = 0; at < 60; at++) last = b.node("Add", [last, last]);
    const converting = convert(b.build(b.conv(last, 3, 3)), { calibration: images(1) });
    await expect(converting).rejects.toThrow(/^tensor ".*": its values are too large/);
  });
});
