/** Levels of a picture in the order and type that an engine takes; the array is made once and used again. */

const SIDE = 512;
const PIXELS = SIDE * SIDE;

/** uint8 [512, 512, 3] to float [512, 512, 3]. */
export function toFloats(): (levels: Uint8Array) => Float32Array {
  const floats = new Float32Array(3 * PIXELS);
  return (levels) => {
    floats.set(levels);
    return floats;
  };
}

/** uint8 [512, 512, 3] to planes [3, 512, 512]; int8 planes hold level - 128. */
export function toPlanes<T extends Float32Array | Uint8Array | Int8Array>(
  planes: T,
): (levels: Uint8Array) => T {
  const shift = planes instanceof Int8Array ? 128 : 0;
  return (levels) => {
    for (let pixel = 0, at = 0; pixel < PIXELS; pixel++) {
      planes[pixel] = levels[at++]! - shift;
      planes[pixel + PIXELS] = levels[at++]! - shift;
      planes[pixel + 2 * PIXELS] = levels[at++]! - shift;
    }
    return planes;
  };
}
