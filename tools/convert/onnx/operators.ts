/** The operations of shape arithmetic, computed on known tensors. */

import { ConvertError } from "../errors.js";
import { type Constant, describe, listOf, type Node, numberOf } from "../graph.js";
import { arrayOf, broadcast, count, expand, gather, strides } from "./constants.js";
import { BOOL, FLOAT } from "./read.js";

type Operator = (node: Node, inputs: readonly (Constant | undefined)[]) => Constant;

function binary(operate: (x: number, y: number, isInteger: boolean) => number, isTest = false): Operator {
  return (node, [a, b]) => {
    if (!a || !b) throw new ConvertError(`${describe(node)}: an input is missing`);
    const dims = broadcast(node, a.dims, b.dims);
    const left = expand(node, a, dims).values;
    const right = expand(node, b, dims).values;
    const isInteger = a.type !== FLOAT;
    const type = isTest ? BOOL : a.type;
    const values = arrayOf(type, left.length);
    for (let at = 0; at < values.length; at++) values[at] = Number(operate(left[at]!, right[at]!, isInteger));
    return { dims, type, values };
  };
}

function unary(operate: (x: number) => number): Operator {
  return (_, [a]) => ({ ...a!, values: arrayOf(a!.type, Array.from(a!.values, operate)) });
}

const numbersOf = (constant: Constant | undefined): number[] | undefined =>
  constant && Array.from(constant.values);

function axesOf(node: Node, constant: Constant | undefined): number[] | undefined {
  const attribute = node.attributes.axes;
  return numbersOf(constant) ?? (Array.isArray(attribute) ? [...(attribute as number[])] : undefined);
}

const slice: Operator = (node, [data, starts, ends, axes, steps]) => {
  const first = numbersOf(starts) ?? [];
  const dims = [...data!.dims];
  const origin = dims.map(() => 0);
  const pace = dims.map(() => 1);
  first.forEach((start, i) => {
    const axis = ((axes?.values[i] ?? i) + dims.length) % dims.length;
    const size = data!.dims[axis]!;
    const step = steps?.values[i] ?? 1;
    if (step === 0) throw new ConvertError(`${describe(node)}: a step of 0`);
    const [least, most] = step > 0 ? [0, size] : [-1, size - 1];
    const clip = (at: number): number => Math.max(least, Math.min(most, at < 0 ? at + size : at));
    origin[axis] = clip(start);
    dims[axis] = Math.max(0, Math.ceil((clip(ends?.values[i] ?? size) - origin[axis]!) / step));
    pace[axis] = step;
  });
  const step = strides(data!.dims);
  return gather(node, data!, dims, (index) =>
    index.reduce((sum, at, axis) => sum + (origin[axis]! + at * pace[axis]!) * step[axis]!, 0),
  );
};

const reshape: Operator = (node, [data, shape]) => {
  const requested = numbersOf(shape) ?? [];
  const dims = requested.map((size, axis) => (size === 0 ? (data!.dims[axis] ?? 0) : size));
  const rest = dims.reduce((product, size) => (size < 0 ? product : product * size), 1);
  const whole = dims.map((size) => (size < 0 ? data!.values.length / rest : size));
  if (count(whole, node) !== data!.values.length)
    throw new ConvertError(`${describe(node)}: the sizes do not fit`);
  return { ...data!, dims: whole };
};

function reduced(combine: (values: number[]) => number): Operator {
  return (node, [data, given]) => {
    const rank = data!.dims.length;
    const named = (axesOf(node, given) ?? []).map((axis) => (axis + rank) % rank);
    const isAll = named.length === 0 && numberOf(node, "noop_with_empty_axes", 0) === 0;
    const axes = isAll ? data!.dims.map((_, axis) => axis) : named;
    const step = strides(data!.dims);
    const dims = data!.dims.map((size, axis) => (axes.includes(axis) ? 1 : size));
    const to = strides(dims);
    const lists = Array.from({ length: count(dims, node) }, (): number[] => []);
    data!.values.forEach((value, at) => {
      const place = dims.reduce((sum, size, axis) => {
        const index = Math.floor(at / step[axis]!) % data!.dims[axis]!;
        return sum + (size === 1 ? 0 : index) * to[axis]!;
      }, 0);
      lists[place]!.push(value);
    });
    const keep = numberOf(node, "keepdims", 1) !== 0;
    return {
      dims: keep ? dims : dims.filter((_, axis) => !axes.includes(axis)),
      type: data!.type,
      values: arrayOf(data!.type, lists.map(combine)),
    };
  };
}

/** Operations that are computed where all their inputs are known. */
export const OPERATORS: Readonly<Record<string, Operator>> = {
  Identity: (_, [a]) => a!,
  Cast: (node, [a]) => {
    const type = numberOf(node, "to", FLOAT);
    const truncate = type !== FLOAT && a!.type === FLOAT;
    return {
      dims: a!.dims,
      type,
      values: arrayOf(type, Array.from(a!.values, truncate ? Math.trunc : Number)),
    };
  },
  Add: binary((x, y) => x + y),
  Sub: binary((x, y) => x - y),
  Mul: binary((x, y) => x * y),
  Div: binary((x, y, isInteger) => (isInteger ? Math.trunc(x / y) : x / y)),
  Mod: binary((x, y) => x - y * Math.floor(x / y)),
  Min: binary((x, y) => Math.min(x, y)),
  Max: binary((x, y) => Math.max(x, y)),
  Pow: binary((x, y) => x ** y),
  Equal: binary((x, y) => Number(x === y), true),
  Greater: binary((x, y) => Number(x > y), true),
  Less: binary((x, y) => Number(x < y), true),
  And: binary((x, y) => Number(x !== 0 && y !== 0), true),
  Or: binary((x, y) => Number(x !== 0 || y !== 0), true),
  Not: (_, [a]) => ({
    ...a!,
    values: arrayOf(
      BOOL,
      Array.from(a!.values, (x) => Number(x === 0)),
    ),
  }),
  ReduceMean: reduced((values) => values.reduce((sum, x) => sum + x, 0) / values.length),
  ReduceSum: reduced((values) => values.reduce((sum, x) => sum + x, 0)),
  ReduceProd: reduced((values) => values.reduce((total, x) => total * x, 1)),
  ReduceMax: reduced((values) => Math.max(...values)),
  ReduceMin: reduced((values) => Math.min(...values)),
  ReduceL2: reduced((values) => Math.hypot(...values)),
  Abs: unary(Math.abs),
  Log: unary(Math.log),
  Flatten: (node, [data]) => {
    const axis = numberOf(node, "axis", 1);
    const first = data!.dims.slice(0, axis).reduce((total, size) => total * size, 1);
    return { ...data!, dims: [first, data!.values.length / first] };
  },
  Tile: (node, [data, repeats]) => {
    const dims = data!.dims.map((size, axis) => size * (repeats!.values[axis] ?? 1));
    const step = strides(data!.dims);
    return gather(node, data!, dims, (index) =>
      index.reduce((sum, at, axis) => sum + (at % data!.dims[axis]!) * step[axis]!, 0),
    );
  },
  Floor: unary(Math.floor),
  Ceil: unary(Math.ceil),
  Neg: unary((x) => -x),
  Sqrt: unary(Math.sqrt),
  Reciprocal: unary((x) => 1 / x),
  Exp: unary(Math.exp),
  Reshape: reshape,
  Slice: slice,
  Expand: (node, [data, shape]) => expand(node, data!, broadcast(node, data!.dims, numbersOf(shape) ?? [])),
  Where: (node, [test, yes, no]) => {
    const dims = broadcast(node, broadcast(node, test!.dims, yes!.dims), no!.dims);
    const [pick, left, right] = [test!, yes!, no!].map((input) => expand(node, input, dims).values);
    return {
      dims,
      type: yes!.type,
      values: arrayOf(
        yes!.type,
        Array.from(pick!, (p, i) => (p ? left! : right!)[i]!),
      ),
    };
  },
  ConstantOfShape: (node, [shape]) => {
    const dims = numbersOf(shape)!;
    const fill = node.attributes.value as Constant | undefined;
    const type = fill?.type ?? FLOAT;
    return { dims, type, values: arrayOf(type, count(dims, node)).fill(fill?.values[0] ?? 0) };
  },
  Range: (node, [start, limit, delta]) => {
    const [first, end, step] = [start!.values[0]!, limit!.values[0]!, delta!.values[0]!];
    const length = count([Math.max(0, Math.ceil((end - first) / step))], node);
    const values = Array.from({ length }, (_, i) => first + i * step);
    return { dims: [length], type: start!.type, values: arrayOf(start!.type, values) };
  },
  Gather: (node, [data, indices]) => {
    const rank = data!.dims.length;
    const axis = (numberOf(node, "axis", 0) + rank) % rank;
    const dims = [...data!.dims.slice(0, axis), ...indices!.dims, ...data!.dims.slice(axis + 1)];
    const step = strides(data!.dims);
    const pick = strides(indices!.dims);
    return gather(node, data!, dims, (index) => {
      const chosen = pick.reduce((sum, stride, i) => sum + stride * index[axis + i]!, 0);
      const at = indices!.values[chosen]!;
      let offset = (at < 0 ? at + data!.dims[axis]! : at) * step[axis]!;
      for (let i = 0; i < rank; i++) {
        if (i !== axis) offset += step[i]! * index[i < axis ? i : i - 1 + indices!.dims.length]!;
      }
      return offset;
    });
  },
  Concat: (node, inputs) => {
    const rank = inputs[0]!.dims.length;
    const axis = (numberOf(node, "axis", 0) + rank) % rank;
    const dims = [...inputs[0]!.dims];
    dims[axis] = inputs.reduce((sum, input) => sum + input!.dims[axis]!, 0);
    const inner = strides(dims)[axis]!;
    const outer = count(dims.slice(0, axis), node);
    const values = arrayOf(inputs[0]!.type, count(dims, node));
    let at = 0;
    for (let block = 0; block < outer; block++) {
      for (const input of inputs) {
        const length = input!.dims[axis]! * inner;
        const part = input!.values.subarray(block * length, (block + 1) * length);
        if (at + part.length > values.length) throw new ConvertError(`${describe(node)}: shapes do not fit`);
        values.set(part, at);
        at += part.length;
      }
    }
    return { dims, type: inputs[0]!.type, values };
  },
  Unsqueeze: (node, [data, axes]) => {
    const dims = [...data!.dims];
    const requested = axesOf(node, axes) ?? [];
    const rank = dims.length + requested.length;
    for (const axis of requested.map((at) => (at + rank) % rank).sort((a, b) => a - b))
      dims.splice(axis, 0, 1);
    return { ...data!, dims };
  },
  Squeeze: (node, [data, axes]) => {
    const rank = data!.dims.length;
    const requested = axesOf(node, axes)?.map((axis) => (axis + rank) % rank);
    return {
      ...data!,
      dims: data!.dims.filter((size, axis) => (requested ? !requested.includes(axis) : size !== 1)),
    };
  },
  Transpose: (node, [data]) => {
    const rank = data!.dims.length;
    const order = node.attributes.perm
      ? listOf(node, "perm", rank, 0)
      : Array.from({ length: rank }, (_, axis) => rank - 1 - axis);
    const step = strides(data!.dims);
    const dims = order.map((axis) => data!.dims[axis]!);
    return gather(node, data!, dims, (index) => index.reduce((sum, at, i) => sum + at * step[order[i]!]!, 0));
  },
};
