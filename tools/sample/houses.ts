/** Terraced houses. */
import { type Color, convex, dot, type Paint, type Solid, unit, type Vector } from "./solids.js";
import { blend, clouds, hash, noise, shade, within } from "./texture.js";

const DOORS: readonly Color[] = [
  [47, 63, 56],
  [101, 36, 34],
  [36, 47, 76],
];
const SIGNS: readonly Color[] = [
  [36, 62, 52],
  [120, 34, 36],
  [38, 44, 78],
  [182, 160, 92],
];

function pick(colors: readonly Color[], seed: number): Color {
  return colors[seed % colors.length]!;
}

/** How the front of a house looks. */
export interface Wall {
  readonly color: Color;
  /** Courses of brick are drawn. */
  readonly brick: boolean;
  readonly shop: boolean;
  readonly seed: number;
}

/** A terraced house with its front on the plane x = front; `side` is -1 left of the road, 1 right of it. */
export function house(
  front: number,
  side: number,
  near: number,
  far: number,
  height: number,
  wall: Wall,
): Solid[] {
  const back = front + 9 * side;
  const low: Vector = [Math.min(front, back), 0, near];
  const high: Vector = [Math.max(front, back), height, far];
  const ridge = front + 4.5 * side;
  const slope = unit([0.62 * -side, 1, 0]);
  const behind = unit([0.62 * side, 1, 0]);
  const limit = (plane: Vector, x: number): number => dot(plane, [x, height, 0]);
  const tiles: Paint = ([x, y, z]) => {
    const course = within(y, 0.25) < 0.05 ? 0.82 : 1;
    return shade([98, 90, 90], course * (0.82 + 0.36 * clouds(2 * x, 3 * y, 2 * z + wall.seed)));
  };
  const eaves = front - 0.3 * side;
  const roofLow: Vector = [Math.min(eaves, back), height, near];
  const roofHigh: Vector = [Math.max(eaves, back), height + 3, far];
  const chimney: Paint = ([x, y, z]) => shade([134, 92, 74], 0.8 + 0.4 * noise(4 * x, 8 * y, 4 * z));
  return [
    convex(low, high, (point, normal) => facade(point, normal, near, far, height, wall)),
    convex(roofLow, roofHigh, tiles, [
      [slope, limit(slope, eaves)],
      [behind, limit(behind, back)],
    ]),
    convex([ridge - 0.4, height + 1, far - 1.1], [ridge + 0.4, height + 4, far - 0.3], chimney),
  ];
}

function facade(
  [x, y, z]: Vector,
  normal: Vector,
  near: number,
  far: number,
  height: number,
  wall: Wall,
): Color {
  const detail = Math.min(1, 14 / z);
  const along = normal[0] !== 0 ? z : x;
  let texture = 0.86 + 0.28 * clouds(0.7 * along, 0.9 * y, wall.seed);
  if (wall.brick) {
    const course = Math.floor(y / 0.08);
    const stone = Math.floor(along / 0.24 + (course % 2) / 2);
    texture *= 1 + (hash(stone, course, wall.seed) - 0.5) * 0.3 * detail;
  }
  const plain = shade(wall.color, texture);
  if (normal[0] === 0) return plain;
  if (height - y < 0.35) return shade(plain, 0.72);
  const bays = Math.max(2, Math.floor((far - near) / 2.3));
  const bay = (far - near) / bays;
  const column = Math.floor((z - near) / bay);
  const u = (z - near - column * bay) / bay;
  if (y < 3.3 && wall.shop) return shopfront(y, z, u, near, wall);
  const storey = Math.floor(y / 2.9);
  const v = y - 2.9 * storey;
  if (storey === 0 && column === 0) {
    if (u > 0.3 && u < 0.72 && v < 2.2) return pick(DOORS, wall.seed);
    return plain;
  }
  const below = height - 2.9 * storey < 2.9;
  if (below || u < 0.24 || u > 0.76 || v < 0.85 || v > 2.35) return plain;
  const border =
    u < 0.29 || u > 0.71 || v < 0.95 || v > 2.27 || Math.abs(u - 0.5) < 0.018 || Math.abs(v - 1.6) < 0.04;
  if (border) return [222, 220, 214];
  return glass(v / 2.9 + 0.3, hash(column, storey, wall.seed));
}

function shopfront(y: number, z: number, u: number, near: number, wall: Wall): Color {
  const sign = pick(SIGNS, wall.seed);
  if (y > 2.7) {
    const letters = y > 2.85 && y < 3.15 && hash(Math.floor((z - near) / 0.16), 0, wall.seed) > 0.45;
    return letters ? [226, 220, 200] : sign;
  }
  if (y < 0.5 || u < 0.06 || u > 0.94) return shade(sign, 0.8);
  const goods = noise(2.2 * z, 2.6 * y, wall.seed);
  return blend(glass(y / 4, goods), [186, 150, 96], goods > 0.62 && y < 1.6 ? 0.5 : 0.06);
}

/** Color of a window: lighter the higher (0..1), with a tint of its own (0..1). */
export function glass(height: number, tint: number): Color {
  return blend([38, 44, 50], [136, 152, 166], Math.min(1, height * (0.35 + 0.6 * tint)));
}
