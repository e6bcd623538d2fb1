/** Values put back to the places of maxima: MaxUnpool, and the ScatterND that PyTorch's newer exporter writes for it. */
import { ConvertError } from "../errors.js";
import { describe, listOf, type Node, producers, stringOf } from "../graph.js";
import { plainView, regrouped, type View } from "./view.js";
import type { Shape, Walk } from "./walk.js";

/** MaxUnpool, by the tensor that its MaxPool reads. */
export function maxUnpool(walk: Walk, node: Node): void {
  const output = node.outputs[0]!;
  const pool = producers(walk.graph).get(node.inputs[1]!);
  if (pool?.type !== "MaxPool")
    throw new ConvertError(`${describe(node)}: its indices must be those of a MaxPool`);
  const kernel = listOf(node, "kernel_shape", 2, 1);
  if (listOf(pool, "kernel_shape", 2, 1).some((size, i) => size !== kernel[i]))
    throw new ConvertError(`${describe(node)}: its windows must be those of the MaxPool`);
  const made = unpooled(walk, node, walk.view(node), pool);
  const [, , height, width] = walk.shapeOf(made.base);
  const [, , wantedHeight, wantedWidth] = walk.fileShape(output);
  if (wantedHeight !== height || wantedWidth !== width) {
    throw new ConvertError(`${describe(node)}: it must give the size of what was pooled, ${width}x${height}`);
  }
  walk.set(output, made);
}

/** ScatterND of a flattened tensor into zeros, at the flattened indices of a MaxPool. */
export function scatter(walk: Walk, node: Node): void {
  const zeros = walk.constants.get(node.inputs[0]!);
  const pool = pooledBy(walk, node.inputs[1]!);
  const isSet = stringOf(node, "reduction", "none") === "none";
  if (!pool || !isSet || !zeros?.values.every((value) => value === 0)) {
    throw new ConvertError(`${describe(node)}: only as what undoes a MaxPool by its indices`);
  }
  const [, channels, height, width] = walk.fileShape(pool.outputs[1]!) as Shape;
  const dims = regrouped(walk.view(node, 2).dims, [1, channels, height, width]);
  const isFlat = zeros.dims.length === 1;
  if (!dims || !isFlat) throw new ConvertError(`${describe(node)}: only of flattened tensors`);
  const made = unpooled(walk, node, { base: walk.view(node, 2).base, dims }, pool);
  const shape = walk.shapeOf(made.base);
  if (shape.reduce((a, b) => a * b) !== zeros.values.length)
    throw new ConvertError(`${describe(node)}: it must give the size of what was pooled`);
  walk.set(node.outputs[0]!, { base: made.base, dims: [plainView(made.base, shape).dims.flat()] });
}

/** Values at the places of the maxima of a MaxPool, in a tensor of the size that this reads. */
function unpooled(walk: Walk, node: Node, view: View, pool: Node): View {
  const output = node.outputs[0]!;
  const strides = listOf(pool, "strides", 2, 1);
  const isEven = listOf(pool, "kernel_shape", 2, 1).every((size, i) => size === strides[i]);
  if (!isEven || listOf(pool, "pads", 4, 0).some((side) => side !== 0)) {
    throw new ConvertError(`${describe(node)}: windows must be as wide as their strides, without padding`);
  }
  const pooled = walk.materialize(pool, walk.view(pool), `${output}#pooled`);
  const base = walk.materialize(node, view, `${output}#arranged`);
  const [, channels] = walk.shapeOf(base);
  const [, , height, width] = walk.shapeOf(pooled);
  return walk.emit(node, "maxUnpool", [base, pooled], [1, channels, height, width], { strides });
}

/** The MaxPool whose indices, counted over the whole tensor, a tensor holds in their order. */
function pooledBy(walk: Walk, indices: string): Node | undefined {
  const producer = producers(walk.graph);
  let name = indices;
  let node = producer.get(name);
  while (node && ["Reshape", "Unsqueeze", "Cast"].includes(node.type)) {
    name = node.inputs[0]!;
    node = producer.get(name);
  }
  if (node?.type === "MaxPool" && holdsIndices(node, name)) return node;
  // counted within each plane, to which the plane's place is added
  const offsets = node?.type === "Add" ? walk.constants.get(node.inputs[1]!) : undefined;
  const within = node && producer.get(node.inputs[0]!);
  if (!offsets || within?.type !== "Sub") return undefined;
  const pool = producer.get(within.inputs[0]!);
  if (pool?.type !== "MaxPool" || !holdsIndices(pool, within.inputs[0]!)) return undefined;
  if (!isPlaneStart(walk, within.inputs[1]!, pool)) return undefined;
  const [, channels, height, width] = walk.fileShape(pool.inputs[0]!) as Shape;
  const isPerPlane = offsets.dims.slice(-3).join() === [channels, 1, 1].join();
  const isPlaces = isPerPlane && offsets.values.every((value, c) => value === c * height * width);
  return isPlaces ? pool : undefined;
}

/** Whether a tensor is the indices that a pool gives, rows counted before columns. */
function holdsIndices(pool: Node, name: string): boolean {
  return pool.outputs[1] === name && !pool.attributes.storage_order;
}

/** Whether a tensor is the index of the first pixel of each plane: what a pool of 1x1 says of the first row and column. */
function isPlaneStart(walk: Walk, name: string, pool: Node): boolean {
  const producer = producers(walk.graph);
  const slice = producer.get(name);
  const single = slice?.type === "Slice" ? producer.get(slice.inputs[0]!) : undefined;
  if (!slice || single?.type !== "MaxPool" || slice.inputs[0] !== single.outputs[1]) return false;
  const shape = walk.fileShape(name);
  const numbers = [1, 2, 3].map((index) => walk.constants.get(slice.inputs[index]!)?.values.join() ?? "");
  return (
    single.inputs[0] === pool.inputs[0] &&
    listOf(single, "kernel_shape", 2, 1).every((size) => size === 1) &&
    numbers.join(" ") === "0,0 1,1 2,3" &&
    shape[2] === 1 &&
    shape[3] === 1
  );
}
