import { freshName, type Graph, type Node, type Pass } from "../graph.js";
import { FLOAT } from "../onnx/read.js";
import { affineNode } from "./affine.js";

/** What lies between an image of red, green and blue in 0..1 and the model's own input. */
export interface InputSteps {
  readonly mean?: readonly number[];
  readonly std?: readonly number[];
  /** Whether the model reads blue, green, red. */
  readonly isBlueFirst: boolean;
  /** Whether the model reads grey. */
  readonly isGrey: boolean;
  /** Whether the model reads levels of 0..255. */
  readonly isLevels: boolean;
}

/** Shares of red, green and blue in grey: ITU-R BT.601, as Pillow and OpenCV have them. */
export const GREY = [0.299, 0.587, 0.114] as const;

/** A pass that puts what the image needs before the model's own input; nothing where it needs nothing. */
export function input({ mean, std, isBlueFirst, isGrey, isLevels }: InputSteps): Pass {
  return (graph: Graph): Graph => {
    const constants = new Map(graph.constants);
    const [, , height, width] = graph.shapes.get(graph.input) as [number, number, number, number];
    const shapes = new Map(graph.shapes);
    const made: Node[] = [];
    let current = graph.input;
    /** Puts a node before what is there so far. */
    const put = (make: (base: Node) => Node): void => {
      const before = freshName({ ...graph, shapes, constants }, "picture");
      const base = { name: "input", type: "", inputs: [before], outputs: [current], attributes: {} };
      made.unshift(make(base));
      shapes.set(before, [1, 3, height, width]);
      current = before;
    };
    const scale = isLevels ? 1 / 255 : 1;
    const channels = isGrey ? 1 : 3;
    if (isBlueFirst && !isGrey)
      put((base) => ({ ...base, type: "select", attributes: { indices: [2, 1, 0] } }));
    if (mean || std || isLevels) {
      const list = <T>(values: readonly T[]): T[] =>
        Array.from({ length: channels }, (_, c) => values[c] ?? values[0]!);
      const means = list(mean ?? [0]);
      const deviations = list(std ?? [1]);
      put((base) =>
        affineNode(
          constants,
          base,
          deviations.map((deviation) => 1 / deviation / scale),
          means.map((value, c) => -value / deviations[c]! / scale),
        ),
      );
      shapes.set(current, [1, channels, height, width]);
    }
    if (isGrey) {
      constants.set("grey#weights", { dims: [1, 3, 1, 1], type: FLOAT, values: Float64Array.from(GREY) });
      put((base) => ({
        ...base,
        type: "Conv",
        inputs: [...base.inputs, "grey#weights"],
        attributes: { kernel_shape: [1, 1] },
      }));
    }
    return { ...graph, nodes: [...made, ...graph.nodes], constants, shapes, input: current };
  };
}
