/** Trees, people and street furniture. */
import type { Shadow } from "./ground.js";
import {
  type Color,
  convex,
  dot,
  EYE,
  ellipsoid,
  type Paint,
  type Solid,
  unit,
  type Vector,
} from "./solids.js";
import { blend, clouds, hash, noise, ramp, shade } from "./texture.js";

/** A broad-leaved tree with a trunk at (x, z). */
export function tree(
  x: number,
  z: number,
  height: number,
  seed: number,
): { solids: Solid[]; shadow: Shadow } {
  const bark: Paint = (point) => shade([86, 72, 58], 0.65 + 0.7 * clouds(9 * point[0], 2 * point[1], seed));
  const leaves: Paint = (point, normal) => {
    const clump = clouds(1.9 * point[0] + seed, 1.9 * point[1], 1.9 * point[2]);
    const speck = noise(11 * point[0], 11 * point[1], 11 * point[2]);
    const grazing = 1 - Math.abs(dot(normal, unit([point[0], point[1] - EYE, point[2]])));
    if (0.6 * clump + 0.4 * speck < 0.24 + 0.42 * grazing * grazing) return undefined;
    const tone = 0.24 + 0.85 * clump * (0.5 + speck);
    return blend(shade([86, 98, 44], tone), shade([128, 136, 66], tone), ramp(normal[1], -0.2, 0.9));
  };
  const crown: Solid[] = [];
  for (let i = 0; i < 40; i++) {
    const at = (axis: number) => hash(seed, i, axis) * 2 - 1;
    const radius = height * (0.07 + 0.08 * hash(seed, i, 7));
    const center: Vector = [
      x + at(1) * height * (0.3 - 0.12 * Math.abs(at(2))),
      height * (0.68 + 0.24 * at(2)),
      z + at(3) * height * 0.24,
    ];
    crown.push(ellipsoid(center, [radius, radius * 0.85, radius], leaves));
  }
  const thickness = height * 0.022;
  return {
    solids: [
      convex([x - thickness, 0, z - thickness], [x + thickness, height * 0.62, z + thickness], bark),
      ...crown,
    ],
    shadow: [x, z, 0.5, 0.5],
  };
}

/** A person standing or walking at (x, z). */
export function person(
  x: number,
  z: number,
  coat: Color,
  trousers: Color,
  stride: number,
): { solids: Solid[]; shadow: Shadow } {
  const cloth =
    (color: Color): Paint =>
    (point) =>
      shade(color, 0.75 + 0.5 * clouds(7 * point[0], 5 * point[1], 7 * point[2]));
  const skin: Paint = (point) => (point[1] > 1.66 ? [58, 42, 32] : [196, 150, 124]);
  const leg = (side: number) =>
    ellipsoid([x + 0.09 * side, 0.43, z + stride * side], [0.095, 0.46, 0.11], cloth(trousers));
  const arm = (side: number) =>
    ellipsoid([x + 0.26 * side, 1.12, z - 0.6 * stride * side], [0.065, 0.34, 0.08], cloth(coat));
  return {
    solids: [
      leg(-1),
      leg(1),
      ellipsoid([x, 1.14, z], [0.22, 0.42, 0.15], cloth(coat)),
      arm(-1),
      arm(1),
      ellipsoid([x, 1.62, z], [0.1, 0.13, 0.11], skin),
    ],
    shadow: [x, z, 0.35, 0.3],
  };
}

const METAL: Paint = (point) => shade([112, 116, 118], 0.85 + 0.3 * noise(2 * point[0], 2 * point[1]));

/** A street lamp at (x, z) whose arm reaches `reach` metres over the road. */
export function lamp(x: number, z: number, reach: number): Solid[] {
  const [left, right] = [Math.min(x, x + reach), Math.max(x, x + reach)];
  const head = x + reach;
  return [
    convex([x - 0.07, 0, z - 0.07], [x + 0.07, 6.2, z + 0.07], METAL),
    convex([left, 6.1, z - 0.04], [right, 6.2, z + 0.04], METAL),
    convex([head - 0.35, 6, z - 0.12], [head + 0.35, 6.16, z + 0.12], () => [206, 206, 200]),
  ];
}

/** A round sign: red ring, white inside. */
export function sign(x: number, z: number): Solid[] {
  const face: Paint = ([px, py]) => {
    const radius = Math.sqrt((px - x) * (px - x) + (py - 2.45) * (py - 2.45));
    if (radius > 0.22) return [184, 36, 40];
    const bar = Math.abs(px - x) < 0.05 && Math.abs(py - 2.45) < 0.13;
    return bar ? [40, 40, 44] : [236, 236, 234];
  };
  return [
    convex([x - 0.035, 0, z], [x + 0.035, 2.8, z + 0.07], METAL),
    ellipsoid([x, 2.45, z - 0.02], [0.31, 0.31, 0.03], face),
  ];
}

/** A hedge that fills a box. */
export function hedge(low: Vector, high: Vector): Solid {
  return convex(low, high, ([x, y, z]) => {
    const leaf = clouds(4 * x, 4 * y, 4 * z) * (0.6 + 0.8 * noise(13 * x, 13 * y, 13 * z));
    return shade([84, 96, 46], 0.3 + 1.1 * leaf);
  });
}
