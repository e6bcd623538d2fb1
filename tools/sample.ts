/**
 * A street scene drawn by code, so that there is a picture to segment before anyone has taken a photo.
 *
 * A camera stands in the left lane, 1.4 m above the road. Solids (convex bodies and ellipsoids) and the ground
 * are painted into a picture of twice the size with a depth for every pixel, which is then averaged down. Only
 * +, -, *, / and square roots are used, so every machine draws the same bytes.
 *
 * World axes in metres: x to the right, y up, z away from the camera.
 */
import type { Picture } from "./image/picture.js";

const WIDTH = 960;
const HEIGHT = 720;
/** Subpixels across and down a pixel. */
const FINE = 2;
/** Distance of the picture plane in pixels, row of the horizon, height of the eye in metres. */
const FOCAL = 760;
const HORIZON = 345;
const EYE = 1.4;
/** Nothing nearer than this is drawn, metres. */
const NEAR = 1;

type Vector = readonly [number, number, number];
type Color = readonly [number, number, number];
/** Color of a surface at a point, before light and haze; undefined where there is a hole. */
type Paint = (point: Vector, normal: Vector) => Color | undefined;

/** Where a ray from the eye meets a solid: its depth z and the normal there. */
interface Hit {
  readonly depth: number;
  readonly normal: Vector;
}

interface Solid {
  /** Corners of a box around it. */
  readonly low: Vector;
  readonly high: Vector;
  /** The ray is eye + depth * (dx, dy, 1). */
  readonly hit: (dx: number, dy: number) => Hit | undefined;
  readonly paint: Paint;
}

/** Road between x = LEFT and RIGHT, pavements 2.6 m wide beside it, then houses. */
const LEFT = -2.5;
const RIGHT = 6.3;
const PAVEMENT = 2.6;
const CENTER = 1.9;

/** Light comes from above, the right and behind the camera. */
const LIGHT: Vector = unit([0.35, 0.8, -0.48]);

// Noise

/** A number in 0..1 for a point of the integer lattice. */
function hash(x: number, y: number, z: number): number {
  let h = Math.imul(x, 0x27d4eb2d) ^ Math.imul(y, 0x165667b1) ^ Math.imul(z, 0x9e3779b1);
  h = Math.imul(h ^ (h >>> 15), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return ((h ^ (h >>> 16)) >>> 0) / 0x100000000;
}

/** Smooth noise in 0..1 with features of about one unit. */
function noise(x: number, y: number, z = 0): number {
  const x0 = Math.floor(x);
  const y0 = Math.floor(y);
  const z0 = Math.floor(z);
  const u = smooth(x - x0);
  const v = smooth(y - y0);
  const front = mix(edge(x0, y0, z0, u), edge(x0, y0 + 1, z0, u), v);
  if (z === z0) return front;
  return mix(front, mix(edge(x0, y0, z0 + 1, u), edge(x0, y0 + 1, z0 + 1, u), v), smooth(z - z0));
}

/** Noise on the edge of the lattice from (x, y, z) to the right. */
function edge(x: number, y: number, z: number, u: number): number {
  return mix(hash(x, y, z), hash(x + 1, y, z), u);
}

/** Three octaves of noise in 0..1. */
function clouds(x: number, y: number, z = 0): number {
  return (4 * noise(x, y, z) + 2 * noise(2 * x, 2 * y, 2 * z) + noise(4 * x, 4 * y, 4 * z)) / 7;
}

function smooth(t: number): number {
  return t * t * (3 - 2 * t);
}

function mix(a: number, b: number, share: number): number {
  return a + (b - a) * share;
}

function blend(a: Color, b: Color, share: number): Color {
  return [mix(a[0], b[0], share), mix(a[1], b[1], share), mix(a[2], b[2], share)];
}

function shade(color: Color, factor: number): Color {
  return [color[0] * factor, color[1] * factor, color[2] * factor];
}

/** Runs from 0 to 1 as `value` runs from `low` to `high`. */
function ramp(value: number, low: number, high: number): number {
  return Math.min(1, Math.max(0, (value - low) / (high - low)));
}

/** The part of a value beyond a whole number of periods. */
function within(value: number, period: number): number {
  return value - Math.floor(value / period) * period;
}

function dot(a: Vector, b: Vector): number {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

function unit(v: Vector): Vector {
  const length = Math.sqrt(dot(v, v));
  return [v[0] / length, v[1] / length, v[2] / length];
}

// Solids

/** A half-space: all points p with dot(normal, p) <= limit. */
type Plane = readonly [normal: Vector, limit: number];

/** The box from `low` to `high`, cut by more half-spaces. */
function convex(low: Vector, high: Vector, paint: Paint, cuts: readonly Plane[] = []): Solid {
  const planes: Plane[] = [
    [[1, 0, 0], high[0]],
    [[-1, 0, 0], -low[0]],
    [[0, 1, 0], high[1]],
    [[0, -1, 0], -low[1]],
    [[0, 0, 1], high[2]],
    [[0, 0, -1], -low[2]],
    ...cuts,
  ];
  const hit = (dx: number, dy: number): Hit | undefined => {
    let enter = NEAR;
    let leave = Number.POSITIVE_INFINITY;
    let normal: Vector | undefined;
    for (const [n, limit] of planes) {
      const slope = n[0] * dx + n[1] * dy + n[2];
      const room = limit - n[1] * EYE;
      if (slope < 0 && room / slope > enter) [enter, normal] = [room / slope, n];
      else if (slope > 0) leave = Math.min(leave, room / slope);
      else if (slope === 0 && room < 0) return undefined;
    }
    return normal && enter < leave ? { depth: enter, normal } : undefined;
  };
  return { low, high, hit, paint };
}

/** The ellipsoid around `center` with half axes `radii`. */
function ellipsoid(center: Vector, radii: Vector, paint: Paint): Solid {
  const [cx, cy, cz] = center;
  const [rx, ry, rz] = radii;
  const hit = (dx: number, dy: number): Hit | undefined => {
    const [ax, ay, az] = [dx / rx, dy / ry, 1 / rz];
    const [bx, by, bz] = [-cx / rx, (EYE - cy) / ry, -cz / rz];
    const a = ax * ax + ay * ay + az * az;
    const b = ax * bx + ay * by + az * bz;
    const c = bx * bx + by * by + bz * bz - 1;
    const root = b * b - a * c;
    if (root <= 0) return undefined;
    const depth = (-b - Math.sqrt(root)) / a;
    if (depth < NEAR) return undefined;
    const normal: Vector = [(ax * depth + bx) / rx, (ay * depth + by) / ry, (az * depth + bz) / rz];
    return { depth, normal: unit(normal) };
  };
  return { low: [cx - rx, cy - ry, cz - rz], high: [cx + rx, cy + ry, cz + rz], hit, paint };
}

// Sky and ground

function sky(dx: number, dy: number): Color {
  const height = ramp(dy, 0, 0.45);
  const clear = blend([222, 229, 234], [138, 174, 214], smooth(height));
  const up = Math.max(dy, 0.03);
  const cover = clouds((0.5 * dx) / up + 7, 0.9 / up + 2);
  return blend(clear, [240, 241, 243], ramp(cover, 0.42, 0.72) * 0.85);
}

/** Dark patches on the ground below things: center, half width and half length. */
type Shadow = readonly [x: number, z: number, halfWidth: number, halfLength: number];

function ground(x: number, z: number, shadows: readonly Shadow[]): Color {
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

// Houses

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

interface Wall {
  readonly color: Color;
  /** Courses of brick are drawn. */
  readonly brick: boolean;
  readonly shop: boolean;
  readonly seed: number;
}

/** A terraced house with its front on the plane x = front; `side` is -1 left of the road, 1 right of it. */
function house(front: number, side: number, near: number, far: number, height: number, wall: Wall): Solid[] {
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

function glass(height: number, tint: number): Color {
  return blend([38, 44, 50], [136, 152, 166], Math.min(1, height * (0.35 + 0.6 * tint)));
}

// Cars

/** A car whose nearer end is at z = near; `away` tells whether its rear faces the camera. */
function car(x: number, near: number, color: Color, away: boolean): { solids: Solid[]; shadow: Shadow } {
  const far = near + 4.2;
  const half = 0.86;
  const bonnet = away ? far : near;
  const toFront = away ? 1 : -1;
  const body: Paint = (point, normal) => carBody(point, normal, { x, near, far, away, color });
  const cabin: Paint = (point, normal) => {
    if (normal[1] > 0.9) return shade(color, 1.12);
    const pillar = Math.abs(point[0] - x) > 0.6 && normal[0] === 0;
    const frame = normal[0] !== 0 && Math.abs(point[2] - (near + 2.1)) < 0.06;
    if (pillar || frame || point[1] < 0.94 || point[1] > 1.38) return shade(color, 0.95);
    return glass(ramp(point[1], 0.8, 1.7), 0.5 + 0.4 * noise(2 * point[0], 3 * point[1], point[2]));
  };
  const backWindow = unit([0, 0.55, -toFront]);
  const frontWindow = unit([0, 0.95, toFront]);
  const cabinBack = bonnet - toFront * 4.0;
  const cabinFront = bonnet - toFront * 0.95;
  const cabinLow = Math.min(cabinBack, cabinFront);
  const wheels = [near + 0.75, far - 0.85].flatMap((z) =>
    [x - half, x + half - 0.2].map((left) => wheel(left, z)),
  );
  return {
    solids: [
      convex([x - half, 0.24, near], [x + half, 0.92, far], body, [
        [unit([0, 1, 0.14 * toFront]), dot(unit([0, 1, 0.14 * toFront]), [0, 0.8, bonnet])],
        [unit([0, 0.5, -1]), dot(unit([0, 0.5, -1]), [0, 0.78, near])],
        [unit([0, 0.5, 1]), dot(unit([0, 0.5, 1]), [0, 0.78, far])],
      ]),
      convex([x - 0.8, 0.8, cabinLow], [x + 0.8, 1.46, cabinLow + 3.05], cabin, [
        [backWindow, dot(backWindow, [0, 0.85, cabinBack])],
        [frontWindow, dot(frontWindow, [0, 0.85, cabinFront])],
        [unit([1, 0.3, 0]), dot(unit([1, 0.3, 0]), [x + 0.8, 0.9, 0])],
        [unit([-1, 0.3, 0]), dot(unit([-1, 0.3, 0]), [x - 0.8, 0.9, 0])],
      ]),
      ...wheels,
    ],
    shadow: [x, near + 2.1, 1.05, 2.35],
  };
}

/** An eight-sided wheel 0.2 m wide with its axle at depth z. */
function wheel(left: number, z: number): Solid {
  const radius = 0.31;
  const corners: Plane[] = [-1, 1].flatMap((up) =>
    [-1, 1].map((out): Plane => {
      const normal = unit([0, up, out]);
      return [normal, dot(normal, [0, radius, z]) + radius];
    }),
  );
  return convex([left, 0, z - radius], [left + 0.2, 2 * radius, z + radius], () => [30, 30, 32], corners);
}

interface CarLook {
  readonly x: number;
  readonly near: number;
  readonly far: number;
  readonly away: boolean;
  readonly color: Color;
}

function carBody([x, y, z]: Vector, normal: Vector, look: CarLook): Color {
  const gloss = shade(look.color, 0.88 + 0.3 * ramp(y, 0.3, 0.9) + 0.08 * noise(3 * x, 5 * y, 3 * z));
  if (normal[0] !== 0) {
    for (const axle of [look.near + 0.75, look.far - 0.85]) {
      const distance = Math.sqrt((z - axle) * (z - axle) + (y - 0.3) * (y - 0.3));
      if (distance < 0.19) return [150, 152, 154];
      if (distance < 0.36) return [26, 26, 28];
    }
    return y < 0.34 ? [38, 38, 40] : gloss;
  }
  if (normal[1] > 0.9) return shade(gloss, 1.08);
  const u = Math.abs(x - look.x);
  if (y > 0.4 && y < 0.52 && u < 0.27) return look.away ? [214, 178, 52] : [232, 232, 228];
  if (y > 0.55 && y < 0.76 && u > 0.52) return look.away ? [164, 28, 26] : [226, 228, 226];
  if (!look.away && y > 0.54 && y < 0.7 && u < 0.4) return [34, 34, 38];
  return y < 0.38 ? [44, 44, 47] : gloss;
}

// Trees, people, street furniture

/** A broad-leaved tree with a trunk at (x, z). */
function tree(x: number, z: number, height: number, seed: number): { solids: Solid[]; shadow: Shadow } {
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
function person(
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
function lamp(x: number, z: number, reach: number): Solid[] {
  const [left, right] = [Math.min(x, x + reach), Math.max(x, x + reach)];
  const head = x + reach;
  return [
    convex([x - 0.07, 0, z - 0.07], [x + 0.07, 6.2, z + 0.07], METAL),
    convex([left, 6.1, z - 0.04], [right, 6.2, z + 0.04], METAL),
    convex([head - 0.35, 6, z - 0.12], [head + 0.35, 6.16, z + 0.12], () => [206, 206, 200]),
  ];
}

/** A round sign: red ring, white inside. */
function sign(x: number, z: number): Solid[] {
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

function hedge(low: Vector, high: Vector): Solid {
  return convex(low, high, ([x, y, z]) => {
    const leaf = clouds(4 * x, 4 * y, 4 * z) * (0.6 + 0.8 * noise(13 * x, 13 * y, 13 * z));
    return shade([84, 96, 46], 0.3 + 1.1 * leaf);
  });
}

/** Everything in the street, and the shadows under it. */
function buildStreet(): { solids: Solid[]; shadows: Shadow[] } {
  const brick: Color = [150, 104, 82];
  const stock: Color = [184, 164, 128];
  const plaster: Color = [214, 209, 198];
  const grey: Color = [150, 146, 142];
  const left: readonly (readonly [far: number, height: number, color: Color, shop: boolean])[] = [
    [9, 8.4, stock, true],
    [17, 7.2, plaster, true],
    [25, 9.2, brick, true],
    [34, 8, stock, false],
    [43, 9.6, grey, true],
    [53, 7.8, brick, false],
    [64, 9, plaster, false],
    [78, 8.2, stock, false],
    [96, 9.4, brick, false],
  ];
  const right: typeof left = [
    [42, 8.6, brick, false],
    [50, 7.6, plaster, true],
    [60, 9.2, stock, true],
    [72, 8, brick, false],
    [84, 9.4, grey, false],
    [98, 8.4, stock, false],
  ];
  const terrace = (row: typeof left, front: number, side: number, start: number): Solid[] =>
    row.flatMap(([far, height, color, shop], index) => {
      const near = index === 0 ? start : row[index - 1]![0];
      const wall = { color, brick: color !== plaster, shop, seed: index + (side > 0 ? 20 : 1) };
      return house(front, side, near, far, height, wall);
    });
  const things = [
    car(-1.45, 15.5, [168, 172, 176], true),
    car(3.9, 21, [44, 62, 108], false),
    car(3.6, 43, [168, 44, 40], false),
    car(0.1, 39, [214, 214, 210], true),
    car(5.35, 9.6, [52, 58, 60], false),
    tree(8.0, 17, 8.2, 11),
    tree(8.2, 26, 9, 12),
    tree(7.9, 36, 8.4, 13),
    tree(12.5, 22, 10.5, 14),
    tree(13, 31, 11, 15),
    tree(-4.3, 58, 8, 16),
    tree(-1, 118, 13, 17),
    tree(6, 122, 14, 18),
    tree(12, 119, 12, 19),
    person(-3.9, 8.6, [52, 56, 72], [40, 42, 50], 0.12),
    person(-4.2, 13, [128, 52, 48], [52, 56, 66], 0.1),
    person(-3.5, 22, [62, 74, 60], [44, 44, 48], 0.14),
    person(7.3, 13.2, [70, 86, 124], [48, 50, 58], 0.12),
    person(7.9, 13.6, [170, 150, 96], [60, 52, 48], -0.12),
    person(7.4, 29, [92, 44, 60], [40, 40, 46], 0.1),
  ];
  const solids = [
    ...terrace(left, LEFT - PAVEMENT, -1, 2),
    ...terrace(right, RIGHT + PAVEMENT, 1, 34),
    hedge([RIGHT + PAVEMENT, 0, 2], [RIGHT + PAVEMENT + 1, 1.7, 34]),
    ...things.flatMap((thing) => thing.solids),
    ...lamp(-2.95, 19, 1.3),
    ...lamp(6.75, 24, -1.3),
    ...lamp(-2.95, 47, 1.3),
    ...lamp(6.75, 56, -1.3),
    ...sign(-3, 10.5),
    ...sign(6.8, 31),
  ];
  return { solids, shadows: things.map((thing) => thing.shadow) };
}

// Painting

/** A picture of FINE times the size: color and depth of every subpixel. */
class Canvas {
  readonly width = WIDTH * FINE;
  readonly height = HEIGHT * FINE;
  readonly color = new Float32Array(this.width * this.height * 3);
  readonly depth = new Float64Array(this.width * this.height).fill(Number.POSITIVE_INFINITY);

  /** Slope of the ray through the middle of a subpixel, to the right and up. */
  dx(column: number): number {
    return ((column + 0.5) / FINE - WIDTH / 2) / FOCAL;
  }

  dy(row: number): number {
    return (HORIZON - (row + 0.5) / FINE) / FOCAL;
  }

  set(at: number, depth: number, color: Color): void {
    this.depth[at] = depth;
    this.color.set(color, 3 * at);
  }

  /** Columns and rows that a box can touch, as half-open ranges. */
  bounds({ low, high }: Solid): { left: number; right: number; top: number; bottom: number } {
    const near = Math.max(NEAR, low[2]);
    const far = Math.max(NEAR, high[2]);
    const xs = [low[0] / near, low[0] / far, high[0] / near, high[0] / far];
    const ys = [low[1], high[1]].flatMap((y) => [(y - EYE) / near, (y - EYE) / far]);
    const column = (slope: number) => (slope * FOCAL + WIDTH / 2) * FINE;
    const row = (slope: number) => (HORIZON - slope * FOCAL) * FINE;
    const clip = (value: number, size: number) => Math.min(size, Math.max(0, Math.floor(value)));
    return {
      left: clip(column(Math.min(...xs)), this.width),
      right: clip(column(Math.max(...xs)) + 1, this.width),
      top: clip(row(Math.max(...ys)), this.height),
      bottom: clip(row(Math.min(...ys)) + 1, this.height),
    };
  }
}

function paintBackground(canvas: Canvas, shadows: readonly Shadow[]): void {
  for (let row = 0; row < canvas.height; row++) {
    const dy = canvas.dy(row);
    const z = dy < 0 ? EYE / -dy : Number.POSITIVE_INFINITY;
    for (let column = 0; column < canvas.width; column++) {
      const dx = canvas.dx(column);
      const at = row * canvas.width + column;
      if (z > 400) canvas.set(at, Number.POSITIVE_INFINITY, sky(dx, dy));
      else canvas.set(at, z, haze(ground(dx * z, z, shadows), z));
    }
  }
}

function paintSolid(canvas: Canvas, solid: Solid): void {
  const { left, right, top, bottom } = canvas.bounds(solid);
  for (let row = top; row < bottom; row++) {
    const dy = canvas.dy(row);
    for (let column = left; column < right; column++) {
      const dx = canvas.dx(column);
      const at = row * canvas.width + column;
      const hit = solid.hit(dx, dy);
      if (!hit || hit.depth >= canvas.depth[at]!) continue;
      const { depth, normal } = hit;
      const color = solid.paint([dx * depth, EYE + dy * depth, depth], normal);
      if (!color) continue;
      const light = 0.66 + 0.34 * Math.max(0, dot(normal, LIGHT)) + 0.08 * normal[1];
      canvas.set(at, depth, haze(shade(color, light), depth));
    }
  }
}

/** Air between the eye and what it sees. */
function haze(color: Color, depth: number): Color {
  const far = depth / 170;
  return blend(color, [206, 213, 220], (far * far) / (1 + far * far));
}

/** Averages the subpixels of every pixel and adds the noise of a camera. */
function develop(canvas: Canvas): Picture {
  const data = new Uint8Array(WIDTH * HEIGHT * 3);
  for (let y = 0; y < HEIGHT; y++) {
    for (let x = 0; x < WIDTH; x++) {
      const grain = (hash(x, y, 1) + hash(x, y, 2) - 1) * 7;
      for (let c = 0; c < 3; c++) {
        let sum = 0;
        for (let j = 0; j < FINE; j++) {
          for (let i = 0; i < FINE; i++) {
            sum += canvas.color[3 * ((y * FINE + j) * canvas.width + x * FINE + i) + c]!;
          }
        }
        const level = (sum / (FINE * FINE)) * 0.97 + grain + (hash(x, y, 3 + c) - 0.5) * 5;
        data[3 * (y * WIDTH + x) + c] = Math.min(255, Math.max(0, Math.floor(level + 0.5)));
      }
    }
  }
  return { data, width: WIDTH, height: HEIGHT, channels: 3 };
}

/** Draws the street: RGB, 960 by 720 pixels, the same bytes on every machine. */
export function drawStreet(): Picture {
  const { solids, shadows } = buildStreet();
  const canvas = new Canvas();
  paintBackground(canvas, shadows);
  for (const solid of solids) paintSolid(canvas, solid);
  return develop(canvas);
}
