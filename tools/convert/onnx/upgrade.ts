/** Nodes of older operator sets in the form of the newer ones: what were attributes become inputs, and the like. */
import { ConvertError } from "../errors.js";
import { type Constant, describe, type Node, numberOf, stringOf } from "../graph.js";
import { arrayOf } from "./constants.js";
import { FLOAT, INT64 } from "./read.js";

/** Upgrades a node; numbers that become inputs are added to the constants. */
export function upgrade(node: Node, opset: number, constants: Map<string, Constant>): Node {
  const given = (name: string, type: number): string => {
    const list = node.attributes[name];
    if (list === undefined) return "";
    const values = typeof list === "number" ? [list] : (list as readonly number[]);
    const constant = `${node.outputs[0]}#${name}`;
    constants.set(constant, { dims: [values.length], type, values: arrayOf(type, values) });
    return constant;
  };
  const [input, second] = node.inputs as [string, string | undefined];
  switch (node.type) {
    case "Upsample": {
      const scales = second ?? given("scales", FLOAT);
      const rounding = { coordinate_transformation_mode: "asymmetric", nearest_mode: "floor" };
      const mode = stringOf(node, "mode", "nearest").replace("bilinear", "linear");
      return { ...node, type: "Resize", inputs: [input, "", scales], attributes: { mode, ...rounding } };
    }
    case "Resize": {
      if (opset > 10 || node.inputs.length !== 2) return node;
      const rounding = { coordinate_transformation_mode: "asymmetric", nearest_mode: "floor" };
      return { ...node, inputs: [input, "", second!], attributes: { ...node.attributes, ...rounding } };
    }
    case "Slice":
      if (node.attributes.starts === undefined) return node;
      return {
        ...node,
        inputs: [input, given("starts", INT64), given("ends", INT64), given("axes", INT64)],
        attributes: {},
      };
    case "Pad": {
      const old = node.attributes.pads === undefined ? "paddings" : "pads";
      if (node.attributes[old] === undefined) return node;
      return { ...node, inputs: [input, given(old, INT64), given("value", FLOAT)] };
    }
    case "Split":
      return node.attributes.split === undefined ? node : { ...node, inputs: [input, given("split", INT64)] };
    case "Softmax":
    case "LogSoftmax":
      if (opset >= 13) return node;
      return { ...node, attributes: { axis: numberOf(node, "axis", 1), flattens: 1 } };
    case "BatchNormalization":
      if (opset < 9 && numberOf(node, "spatial", 1) === 0) {
        throw new ConvertError(
          `${describe(node)}: statistics for each pixel (spatial = 0) are not supported`,
        );
      }
      return node;
    default:
      return node;
  }
}
