import { ARGMAX, INPUT } from "../../src/format.js";
import { kindOf, type Model, type Values } from "../../src/ops.js";
import { logitsOf } from "../common/engine.js";
import { channelsLast, toFloats, toInput } from "../convert/feed.js";
import type { LoadedGraph } from "../convert/onnx/load.js";
import { UINT8 } from "../convert/onnx/read.js";
import { offsetOf } from "../convert/passes/quantization.js";
import { openSession } from "../convert/runtime.js";
import { referenceOp, referenceSizes, runReference } from "../reference/run.js";
import type { Comparator, CompareOptions, MaskAgreement, OperationDifference } from "./comparator.js";

/** Compares with a quantised file: each operation, integer by integer, on onnxruntime's own inputs. */
export async function openQuantized(
  loaded: LoadedGraph,
  model: Model,
  options: CompareOptions,
  agreement: MaskAgreement,
): Promise<Comparator> {
  const { width, height } = model;
  const { run = runReference } = options;
  const sizes = referenceSizes(model, height, width);
  const integers = integerTensors(loaded);
  const shared = new Map<string, { id: number; offset: number; elements: number }>();
  model.ops.forEach(({ output: id }, index) => {
    const name = model.metadata.tensors?.[id] ?? "";
    const found = integers.get(index === 0 && !integers.has(name) ? loaded.graph.input : name);
    const elements = sizes[id]!.height * sizes[id]!.width * model.tensors[id]!.channels;
    if (found) shared.set(found.name, { id, offset: found.offset, elements });
  });
  const tensors = new Map([...shared].map(([name, { elements }]) => [name, elements]));
  const session = await openSession(loaded, tensors, false);
  const rows = model.ops.flatMap((op, index) => {
    if (op.code === ARGMAX) return [];
    const name = model.metadata.tensors?.[op.output] ?? `tensor ${op.output}`;
    return { index, operation: kindOf(op).name, name, values: 0, differing: 0, largest: 0 };
  });
  return {
    async add(image) {
      const input = toInput(image);
      const theirs = new Map<number, Values>();
      await session.run(toFloats(image, loaded.inputShape, options), (name, { dims, data }) => {
        const { id, offset } = shared.get(name)!;
        const shift = data instanceof Uint8Array ? -offset : 0;
        theirs.set(id, channelsLast(dims, data, shift, new Int8Array(data.length)));
      });
      for (const row of rows) {
        const op = model.ops[row.index]!;
        const wanted = theirs.get(op.output);
        const inputs = op.inputs.map(
          (id) => theirs.get(id) ?? (id === model.ops[0]!.output ? input : undefined),
        );
        if (inputs.includes(undefined)) continue;
        const got = op.code === INPUT ? input : referenceOp(model, row.index, inputs as Values[], sizes);
        if (wanted) count(row, wanted, got);
        else theirs.set(op.output, got);
      }
      const logits = theirs.get(logitsOf(model));
      const ours = run(model, input, height, width);
      if (logits) agreement.add(ours[logitsOf(model)]!, logits);
    },
    differences: () => ({ operations: rows, tensors: [] }),
    release: () => session.release(),
  };
}

function count(
  row: { -readonly [Key in keyof OperationDifference]: OperationDifference[Key] },
  wanted: Values,
  got: Values,
): void {
  row.values += wanted.length;
  for (let at = 0; at < wanted.length; at++) {
    const difference = Math.abs(wanted[at]! - got[at]!);
    if (difference > 0) row.differing++;
    row.largest = Math.max(row.largest, difference);
  }
}

/** The integer tensor of the file, after the Clip where there is one, that stands for each float tensor. */
function integerTensors({ model, graph }: LoadedGraph): Map<string, { name: string; offset: number }> {
  const result = new Map<string, { name: string; offset: number }>();
  const owner = new Map<string, string>();
  const source = new Map<string, string>();
  for (const { type, inputs, outputs } of model.nodes) {
    const [input, output] = [inputs[0]!, outputs[0]!];
    if (type === "Identity" || type === "Dropout") source.set(output, source.get(input) ?? input);
    const clipped = type === "Clip" ? owner.get(input) : undefined;
    let real = clipped;
    if (type === "QuantizeLinear") real = source.get(input) ?? input;
    else if (type === "Gather") real = output.replace(/_quantized$/, "");
    if (real === undefined || (type === "QuantizeLinear" && result.has(real))) continue;
    const offset = clipped ? result.get(clipped)!.offset : offsetOf(graph, output, UINT8);
    result.set(real, { name: output, offset });
    owner.set(output, real);
  }
  return result;
}
