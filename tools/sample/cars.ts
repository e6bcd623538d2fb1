/** Cars. */
import type { Shadow } from "./ground.js";
import { glass } from "./houses.js";
import { type Color, convex, dot, type Paint, type Plane, type Solid, unit, type Vector } from "./solids.js";
import { noise, ramp, shade } from "./texture.js";

/** A car whose nearer end is at z = near; `away` tells whether its rear faces the camera. */
export function car(
  x: number,
  near: number,
  color: Color,
  away: boolean,
): { solids: Solid[]; shadow: Shadow } {
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
