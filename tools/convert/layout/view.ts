/**
 * Tensors of any number of axes as views of tensors of [1, channels, height, width]. Reshape, Transpose, Squeeze and the
 * like only change the view; values move where an operation needs them in another order.
 */
import type { Layout } from "../graph.js";

/** Channels, height, width: axes of a base tensor. */
export type Axis = 1 | 2 | 3;

/** Part of an axis: index / stride modulo size. */
export interface Atom {
  readonly axis: Axis;
  readonly size: number;
  readonly stride: number;
}

/** A tensor of the file: for each of its axes the parts of the base's axes that it runs over, outer ones first. */
export interface View {
  /** Tensor of [1, channels, height, width]. */
  readonly base: string;
  readonly dims: readonly (readonly Atom[])[];
}

/** A whole axis; nothing where it has one element. */
export function wholeAxis(axis: Axis, size: number): Atom[] {
  return size > 1 ? [{ axis, size, stride: 1 }] : [];
}

/** A base tensor as it is. */
export function plainView(base: string, shape: readonly number[]): View {
  return { base, dims: [[], wholeAxis(1, shape[1]!), wholeAxis(2, shape[2]!), wholeAxis(3, shape[3]!)] };
}

export function sizeOf(dim: readonly Atom[]): number {
  return dim.reduce((total, { size }) => total * size, 1);
}

export function isSameDim(a: readonly Atom[], b: readonly Atom[]): boolean {
  return (
    a.length === b.length &&
    a.every(({ axis, size, stride }, i) => {
      const other = b[i]!;
      return axis === other.axis && size === other.size && stride === other.stride;
    })
  );
}

/** Whether a view is its base as it is, in four axes. */
export function isPlain({ base, dims }: View, shape: readonly number[]): boolean {
  const plain = plainView(base, shape);
  return dims.length === 4 && dims.every((dim, i) => isSameDim(dim, plain.dims[i]!));
}

/** Neighbouring parts of an axis put together. */
function merged(dim: readonly Atom[]): Atom[] {
  const result: Atom[] = [];
  for (const atom of dim) {
    const before = result.at(-1);
    if (before && before.axis === atom.axis && before.stride === atom.stride * atom.size) {
      result[result.length - 1] = { ...atom, size: before.size * atom.size };
    } else {
      result.push(atom);
    }
  }
  return result;
}

/** The same elements in the same order with other axes; undefined where an axis of the base would be cut unevenly. */
export function regrouped(dims: View["dims"], sizes: readonly number[]): Atom[][] | undefined {
  const queue = dims.flat();
  const result = sizes.map((size): Atom[] | undefined => {
    const taken: Atom[] = [];
    let open = size;
    while (open > 1) {
      const atom = queue.shift();
      if (!atom) return undefined;
      if (open % atom.size === 0) {
        taken.push(atom);
        open /= atom.size;
      } else if (atom.size % open === 0) {
        const inner = atom.size / open;
        taken.push({ ...atom, size: open, stride: atom.stride * inner });
        queue.unshift({ ...atom, size: inner });
        open = 1;
      } else {
        return undefined;
      }
    }
    return merged(taken);
  });
  return queue.length === 0 && result.every((dim) => dim !== undefined) ? (result as Atom[][]) : undefined;
}

/** The index on an axis of the base for each element of parts of that axis, in their order. */
export function indicesOf(dim: readonly Atom[]): number[] {
  return dim.reduce<number[]>(
    (list, { size, stride }) =>
      list.flatMap((index) => Array.from({ length: size }, (_, i) => index + i * stride)),
    [0],
  );
}

/** The axes of the base that a view's axis runs over as a whole and alone; undefined where it runs over parts. */
export function axisOf(dim: readonly Atom[], shape: readonly number[]): Axis | undefined {
  const [atom, second] = dim;
  return atom && !second && atom.stride === 1 && atom.size === shape[atom.axis] ? atom.axis : undefined;
}

/** Where the elements of the base lie in the tensor of the file. */
export function layoutOf({ dims }: View, shape: readonly number[]): Layout {
  const atoms = dims.flat();
  const steps = new Array<number>(atoms.length).fill(1);
  for (let i = atoms.length - 2; i >= 0; i--) steps[i] = steps[i + 1]! * atoms[i + 1]!.size;
  return {
    shape,
    indexOf: (channel, row, column) => {
      const index = [0, channel, row, column];
      return atoms.reduce(
        (sum, { axis, size, stride }, i) => sum + (Math.floor(index[axis]! / stride) % size) * steps[i]!,
        0,
      );
    },
  };
}
