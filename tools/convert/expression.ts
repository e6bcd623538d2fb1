/**
 * Functions of one activation value: what becomes a table of 256 entries or the clamp of an operation.
 * Values are IEEE binary32 and every step is rounded, as in onnxruntime's element-wise kernels.
 */
import { type Bounds, dequantize, type Quantization, quantize, roundHalfEven } from "./quantize/numbers.js";

export type Expression =
  | { readonly kind: "input" }
  | { readonly kind: "constant"; readonly value: number }
  | {
      readonly kind: "call";
      readonly name: string;
      readonly args: readonly Expression[];
      readonly parameters: readonly number[];
    }
  | { readonly kind: "quantize"; readonly of: Expression; readonly quantization: Quantization }
  /** Any function of a quantised value: values[q + 128]. */
  | {
      readonly kind: "table";
      readonly of: Expression;
      readonly input: Quantization;
      readonly values: Float32Array;
    };

export const INPUT: Expression = { kind: "input" };

export type Formula = (x: number, y: number, parameters: readonly number[]) => number;

const f = Math.fround;
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** Abramowitz and Stegun 7.1.26 would be off by 1e-7; this series and fraction keep binary32 precision. */
function erf(x: number): number {
  const a = Math.abs(x);
  if (a > 6) return Math.sign(x);
  if (a < 2.5) {
    let term = a;
    let sum = a;
    for (let n = 1; n < 60; n++) {
      term *= (-a * a) / n;
      sum += term / (2 * n + 1);
    }
    return (Math.sign(x) * 2 * sum) / Math.sqrt(Math.PI);
  }
  let fraction = 0;
  for (let n = 60; n > 0; n--) fraction = n / 2 / (a + fraction);
  return Math.sign(x) * (1 - Math.exp(-a * a) / Math.sqrt(Math.PI) / (a + fraction));
}

/** Of f32. */
const LARGEST_BELOW_1 = 1 - 2 ** -24;

/** ONNX operation types that are functions of one value, or of two. Parameters: see `PARAMETERS`. */
export const FORMULAS: Readonly<Record<string, Formula>> = {
  Relu: (x) => Math.max(x, 0),
  LeakyRelu: (x, _, [alpha]) => (x < 0 ? f(alpha!) * x : x),
  Elu: (x, _, [alpha]) => (x < 0 ? alpha! * Math.expm1(x) : x),
  Sigmoid: sigmoid,
  HardSigmoid: (x, _, [alpha, beta]) => Math.max(0, Math.min(1, f(f(f(alpha!) * x) + f(beta!)))),
  HardSwish: (x) => x * Math.max(0, Math.min(1, f(x / 6) + 0.5)),
  Tanh: Math.tanh,
  Softplus: (x) => (x > 30 ? x : Math.log1p(Math.exp(x))),
  Softsign: (x) => x / (1 + Math.abs(x)),
  Erf: erf,
  Gelu: (x) => 0.5 * x * (1 + erf(x / Math.SQRT2)),
  Mish: (x) => x * Math.tanh(x > 30 ? x : Math.log1p(Math.exp(x))),
  Exp: Math.exp,
  Abs: Math.abs,
  Neg: (x) => -x,
  Sqrt: (x) => Math.sqrt(Math.max(x, 0)),
  Reciprocal: (x) => 1 / x,
  Floor: Math.floor,
  Trunc: Math.trunc,
  Round: roundHalfEven,
  Log: Math.log,
  Sign: Math.sign,
  Selu: (x, _, [alpha, gamma]) => gamma! * (x < 0 ? alpha! * Math.expm1(x) : x),
  Celu: (x, _, [alpha]) => Math.max(x, 0) + Math.min(0, alpha! * Math.expm1(x / alpha!)),
  ThresholdedRelu: (x, _, [alpha]) => (x > alpha! ? x : 0),
  Shrink: (x, _, [bias, lambd]) => (x < -lambd! ? x + bias! : x > lambd! ? x - bias! : 0),
  Sin: Math.sin,
  Cos: Math.cos,
  Tan: Math.tan,
  // rounding may carry a value out of the function's domain
  Asin: (x) => Math.asin(Math.min(Math.max(x, -1), 1)),
  Acos: (x) => Math.acos(Math.min(Math.max(x, -1), 1)),
  Atan: Math.atan,
  Sinh: Math.sinh,
  Cosh: Math.cosh,
  Asinh: Math.asinh,
  Acosh: (x) => Math.acosh(Math.max(x, 1)),
  Atanh: (x) => Math.atanh(Math.min(Math.max(x, -LARGEST_BELOW_1), LARGEST_BELOW_1)),
  Ceil: Math.ceil,
  PRelu: (x, slope) => (x < 0 ? slope * x : x),
  Clip: (x, _, [min, max]) => Math.min(Math.max(x, min!), max!),
  Add: (x, y) => x + y,
  Sub: (x, y) => x - y,
  Mul: (x, y) => x * y,
  Div: (x, y) => x / y,
  Pow: (x, y) => x ** y,
  Min: (x, y) => Math.min(x, y),
  Max: (x, y) => Math.max(x, y),
};

/** Formulas that jump: there the least rounding error of an activation becomes a whole step. */
export const STEPS: ReadonlySet<string> = new Set([
  "Floor",
  "Ceil",
  "Round",
  "Trunc",
  "Sign",
  "ThresholdedRelu",
  "Shrink",
]);

/** Attributes that are parameters of a formula, with ONNX's defaults. */
export const PARAMETERS: Readonly<Record<string, readonly (readonly [string, number])[]>> = {
  LeakyRelu: [["alpha", 0.01]],
  Elu: [["alpha", 1]],
  Selu: [
    ["alpha", 1.6732632],
    ["gamma", 1.050701],
  ],
  Celu: [["alpha", 1]],
  ThresholdedRelu: [["alpha", 1]],
  Shrink: [
    ["bias", 0],
    ["lambd", 0.5],
  ],
  HardSigmoid: [
    ["alpha", 0.2],
    ["beta", 0.5],
  ],
};

/** The values of an expression where its input is each of `inputs`; what it shares is computed once. */
export function computeAll(expression: Expression, inputs: ArrayLike<number>): Float32Array {
  const known = new Map<Expression, Float32Array>();
  const valuesOf = (part: Expression): Float32Array => {
    let values = known.get(part);
    if (!values) {
      values = step(part);
      known.set(part, values);
    }
    return values;
  };
  const step = (part: Expression): Float32Array => {
    switch (part.kind) {
      case "input":
        return Float32Array.from(inputs);
      case "constant":
        return new Float32Array(inputs.length).fill(part.value);
      case "quantize": {
        const { quantization } = part;
        return valuesOf(part.of).map((x) => dequantize(quantize(x, quantization), quantization));
      }
      case "table":
        return valuesOf(part.of).map((x) => part.values[quantize(x, part.input) + 128]!);
      case "call": {
        const formula = FORMULAS[part.name]!;
        const second = part.args[1] && valuesOf(part.args[1]);
        return valuesOf(part.args[0]!).map((x, at) => formula(x, second?.[at] ?? 0, part.parameters));
      }
    }
  };
  return valuesOf(expression);
}

/** Larger expressions are left apart; what is shared within one counts once for every path that leads to it. */
const MAX_TERMS = 128;
const MAX_DEPTH = 64;

const measured = new WeakMap<Expression, { readonly terms: number; readonly depth: number }>();

/** Whether computing an expression takes few steps and a shallow stack. */
export function isSmall(expression: Expression): boolean {
  const { terms, depth } = measure(expression);
  return terms <= MAX_TERMS && depth <= MAX_DEPTH;
}

function measure(expression: Expression): { readonly terms: number; readonly depth: number } {
  let known = measured.get(expression);
  if (!known) {
    const parts = "args" in expression ? expression.args : "of" in expression ? [expression.of] : [];
    const sizes = parts.map(measure);
    const terms = sizes.reduce((sum, size) => sum + size.terms, 1);
    known = { terms, depth: Math.max(0, ...sizes.map(({ depth }) => depth)) + 1 };
    measured.set(expression, known);
  }
  return known;
}

/** Whether `compose` may give a small expression: it is cheaper to ask than to compose in vain. */
export function mayCompose(outer: Expression, inner: Expression): boolean {
  return measure(outer).terms + measure(inner).terms - 1 <= MAX_TERMS;
}

/** The expression with `inner` put in place of its input; what it shares stays shared. */
export function compose(outer: Expression, inner: Expression): Expression {
  const known = new Map<Expression, Expression>();
  const composed = (part: Expression): Expression => {
    let made = known.get(part);
    if (!made) {
      made = step(part);
      known.set(part, made);
    }
    return made;
  };
  const step = (part: Expression): Expression => {
    switch (part.kind) {
      case "input":
        return inner;
      case "constant":
        return part;
      case "quantize":
      case "table":
        return { ...part, of: composed(part.of) };
      case "call":
        return { ...part, args: part.args.map(composed) };
    }
  };
  return composed(outer);
}

/** The bounds of an expression that does nothing but clamp its input, else undefined. */
export function clampOf(expression: Expression): Bounds | undefined {
  if (expression.kind === "input") return { min: -Infinity, max: Infinity };
  if (expression.kind !== "call") return undefined;
  const [first, second] = expression.args;
  const inner = first && clampOf(first);
  if (!inner) return undefined;
  const within = (min: number, max: number): Bounds => ({
    min: Math.min(Math.max(inner.min, min), max),
    max: Math.min(Math.max(inner.max, min), max),
  });
  if (expression.name === "Relu") return within(0, Infinity);
  if (expression.name === "Clip") return within(expression.parameters[0]!, expression.parameters[1]!);
  if (second?.kind !== "constant") return undefined;
  if (expression.name === "Max") return within(second.value, Infinity);
  if (expression.name === "Min") return within(-Infinity, second.value);
  return undefined;
}
