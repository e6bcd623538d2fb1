/** Real numbers and the integers that stand for them; every step is rounded to binary32, as onnxruntime does it. */

const f = Math.fround;

/** Bounds of a tensor in real numbers. */
export interface Bounds {
  readonly min: number;
  readonly max: number;
}

/** real = scale * (q - zero), min <= q <= max; int8, or int16 of wide logits. */
export interface Quantization {
  readonly scale: number;
  readonly zero: number;
  readonly min: number;
  readonly max: number;
}

/** The integer that quantises a real number: round half to even, clamped. */
export function quantize(value: number, q: Quantization): number {
  const scaled = f(f(value) / f(q.scale));
  return Math.min(Math.max(roundHalfEven(scaled) + q.zero, q.min), q.max);
}

export function dequantize(q: number, { scale, zero }: Quantization): number {
  return f(f(scale) * (q - zero));
}

export function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return rest < 0.5 ? floor : floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}
