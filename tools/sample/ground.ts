/** Sky, road between x = LEFT and RIGHT, pavements beside it. */
import type { Color } from "./solids.js";
import { blend, clouds, hash, noise, ramp, shade, smooth, within } from "./texture.js";

/** Left edge of the road, metres. */
export const LEFT = -2.5;
/** Right edge of the road, metres. */
export const RIGHT = 6.3;
/** Width of a pavement, metres. */
export const PAVEMENT = 2.6;
/** Middle line of the road. */
const CENTER = 1.9;

/** Color of the sky where a ray with this slope to the right and up ends. */
export function sky(dx: number, dy: number): Color {
  const height = ramp(dy, 0, 0.45);
  const clear = blend([222, 229, 234], [138, 174, 214], smooth(height));
  const up = Math.max(dy, 0.03);
  const cover = clouds((0.5 * dx) / up + 7, 0.9 / up + 2);
  return blend(clear, [240, 241, 243], ramp(cover, 0.42, 0.72) * 0.85);
}

/** Dark patches on the ground below things: center, half width and half length. */
export type Shadow = readonly [x: number, z: number, halfWidth: number, halfLength: number];

/** Color of the ground at a point. */
export function ground(x: number, z: number, shadows: readonly Shadow[]): Color {
  const detail = Math.min(1, 10 / z);
  const grain = (noise(40 * x, 40 * z) - 0.5) * 26 * detail + (clouds(0.8 * x, 0.25 * z, 3) - 0.5) * 34;
  let color: Color;
  if (x > LEFT && x < RIGHT) color = shade([98, 98, 101], 1 + grain / 110 + marks(x));
  else if (x > LEFT - 0.16 && x < RIGHT + 0.16) color = shade([158, 155, 148], 1 + grain / 180);
  else if (x > LEFT - PAVEMENT - 2 && x < RIGHT + PAVEMENT + 0.6) color = slabs(x, z, grain, detail);
  else color = shade([96, 106, 62], 1 + grain / 60);
  color = lines(x, z, grain, color);
  let light = 1;
  for (const [sx, sz, halfWidth, halfLength] of shadows) {
    const u = (x - sx) / halfWidth;
    const v = (z - sz) / halfLength;
    light = Math.min(light, 0.35 + 0.65 * ramp(Math.sqrt(u * u + v * v), 0.75, 1.25));
  }
  return shade(color, light);
}

/** Wheel tracks on the asphalt are a little lighter. */
function marks(x: number): number {
  const track = Math.min(...[-0.8, 0.8, 3.2, 4.8].map((at) => Math.abs(x - at)));
  return 0.07 * (1 - ramp(track, 0.1, 0.6));
}

function slabs(x: number, z: number, grain: number, detail: number): Color {
  const joint = Math.min(within(x, 0.6), within(z, 0.6)) < 0.02 ? 0.16 * detail : 0;
  const tint = hash(Math.floor(x / 0.6), Math.floor(z / 0.6), 5) * 0.12 * detail;
  return shade([156, 150, 143], 0.94 + grain / 260 + tint - joint);
}

/** Lane markings: a dashed white line in the middle, double yellow lines along the kerbs. */
function lines(x: number, z: number, grain: number, below: Color): Color {
  const worn = 0.85 - 0.4 * clouds(3 * x, 3 * z, 9);
  if (Math.abs(x - CENTER) < 0.075 && within(z, 6) < 3)
    return blend(below, shade([232, 232, 226], 1 + grain / 300), worn);
  const fromKerb = Math.min(x - LEFT, RIGHT - x);
  const yellow = Math.abs(fromKerb - 0.22) < 0.045 || Math.abs(fromKerb - 0.4) < 0.045;
  return yellow ? blend(below, [206, 178, 84], worn) : below;
}
