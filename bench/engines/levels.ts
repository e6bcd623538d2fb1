/** Levels of an image in the order and type that an engine takes; the array is made once and used again. */

/** uint8 [side, side, 3] to float [side, side, 3]. */
export function toFloats(side: number): (levels: Uint8Array) => Float32Array {
  const floats = new Float32Array(3 * side * side);
  return (levels) => {
    floats.set(levels);
    return floats;
  };
}

/** uint8 [side, side, 3] to planes [3, side, side], the array given; int8 planes hold level - 128. */
export function toPlanes<T extends Float32Array | Uint8Array | Int8Array>(
  planes: T,
): (levels: Uint8Array) => T {
  const shift = planes instanceof Int8Array ? 128 : 0;
  const pixels = planes.length / 3;
  return (levels) => {
    for (let pixel = 0, at = 0; pixel < pixels; pixel++) {
      planes[pixel] = levels[at++]! - shift;
      planes[pixel + pixels] = levels[at++]! - shift;
      planes[pixel + 2 * pixels] = levels[at++]! - shift;
    }
    return planes;
  };
}
