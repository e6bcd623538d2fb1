/** Bodies that a ray from the eye can meet: convex ones and ellipsoids. */

/** Height of the eye above the ground, metres. */
export const EYE = 1.4;
/** Nothing nearer than this is drawn, metres. */
export const NEAR = 1;

/** x to the right, y up, z away from the camera, metres. */
export type Vector = readonly [number, number, number];
/** Red, green, blue, 0..255; brighter while it is being computed. */
export type Color = readonly [number, number, number];
/** Color of a surface at a point, before light and haze; undefined where there is a hole. */
export type Paint = (point: Vector, normal: Vector) => Color | undefined;

/** Where a ray from the eye meets a solid: its depth z and the normal there. */
export interface Hit {
  readonly depth: number;
  readonly normal: Vector;
}

/** A body in the street. */
export interface Solid {
  /** Corners of a box around it. */
  readonly low: Vector;
  readonly high: Vector;
  /** The ray is eye + depth * (dx, dy, 1). */
  readonly hit: (dx: number, dy: number) => Hit | undefined;
  readonly paint: Paint;
}

/** The scalar product of two vectors. */
export function dot(a: Vector, b: Vector): number {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

/** A vector of length 1 in the direction of another. */
export function unit(v: Vector): Vector {
  const length = Math.sqrt(dot(v, v));
  return [v[0] / length, v[1] / length, v[2] / length];
}

/** A half-space: all points p with dot(normal, p) <= limit. */
export type Plane = readonly [normal: Vector, limit: number];

/** The box from `low` to `high`, cut by more half-spaces. */
export function convex(low: Vector, high: Vector, paint: Paint, cuts: readonly Plane[] = []): Solid {
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
export function ellipsoid(center: Vector, radii: Vector, paint: Paint): Solid {
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
