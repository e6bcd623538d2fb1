/** Masks as polygons: the outlines of each class, with holes, in GeoJSON whose coordinates are pixels. */
import { contours } from "d3-contour";
import { histogram, type Segmenter } from "../../src/index.js";

type Point = readonly [x: number, y: number];
type Ring = readonly Point[];

/** How far, in pixels, an outline may leave the one of the mask. */
const TOLERANCE = 0.6;

/** A GeoJSON FeatureCollection (RFC 7946), but for the meaning of its coordinates. */
export interface Polygons {
  readonly type: "FeatureCollection";
  /** See marks.ts. */
  readonly attendseg: string;
  /** Size of the mask, pixels; x runs to the right, y down, the first pixel covers 0..1. */
  readonly width: number;
  readonly height: number;
  readonly features: readonly {
    readonly type: "Feature";
    readonly properties: {
      readonly id: number;
      readonly class: string;
      readonly color: string;
      /** Pixels of the mask. */
      readonly pixels: number;
    };
    readonly geometry: { readonly type: "MultiPolygon"; readonly coordinates: readonly (readonly Ring[])[] };
  }[];
}

/**
 * The polygons of the classes that occur, one feature a class. A pixel belongs to the polygon that its centre is in.
 *
 * @param mask class ids [height, width]
 * @param chosen ids of the classes to outline
 * @param mark see marks.ts
 */
export function toPolygons(
  mask: Uint8Array,
  width: number,
  height: number,
  { classes, palette }: Pick<Segmenter, "classes" | "palette">,
  chosen: readonly number[],
  mark: string,
): Polygons {
  const counts = histogram(mask, classes.length);
  const features = chosen
    .filter((id) => counts[id]! > 0)
    .map((id) => ({
      type: "Feature" as const,
      properties: { id, class: classes[id]!, color: hex(palette[id]!), pixels: counts[id]! },
      geometry: { type: "MultiPolygon" as const, coordinates: outline(mask, width, height, id) },
    }));
  return { type: "FeatureCollection", attendseg: mark, width, height, features };
}

function hex(color: readonly number[]): string {
  return `#${color.map((level) => level.toString(16).padStart(2, "0")).join("")}`;
}

/** The polygons of a class, each its outer ring and its holes, found in the box around the class. */
function outline(mask: Uint8Array, width: number, height: number, id: number): Ring[][] {
  let [left, top, right, bottom] = [width, height, -1, -1];
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at++) {
      if (mask[at] !== id) continue;
      left = Math.min(left, x);
      right = Math.max(right, x);
      top = Math.min(top, y);
      bottom = y;
    }
  }
  const [columns, rows] = [right - left + 1, bottom - top + 1];
  const inside = new Array<number>(columns * rows);
  for (let y = 0, to = 0; y < rows; y++) {
    const row = (top + y) * width + left;
    for (let x = 0; x < columns; x++) inside[to++] = mask[row + x] === id ? 1 : 0;
  }
  const { coordinates } = contours().size([columns, rows]).smooth(false).contour(inside, 0.5);
  return coordinates.map((polygon) =>
    polygon.map((ring) => simplify(ring as unknown as Ring).map(([x, y]): Point => [x + left, y + top])),
  );
}

/** A closed ring with points left out that are near the line between those kept (Douglas and Peucker, 1973). */
function simplify(ring: Ring): Ring {
  const last = ring.length - 1;
  const middle = ring.reduce(
    (best, point, at) => (far(point, ring[0]!) > far(ring[best]!, ring[0]!) ? at : best),
    0,
  );
  const kept = new Set([0, middle, last]);
  const stack: [number, number][] = [
    [0, middle],
    [middle, last],
  ];
  for (let span = stack.pop(); span; span = stack.pop()) {
    const [first, end] = span;
    let [furthest, distance] = [-1, TOLERANCE];
    for (let at = first + 1; at < end; at++) {
      const away = distanceTo(ring[at]!, ring[first]!, ring[end]!);
      if (away > distance) [furthest, distance] = [at, away];
    }
    if (furthest < 0) continue;
    kept.add(furthest);
    stack.push([first, furthest], [furthest, end]);
  }
  // a ring of fewer than three corners has no area
  return kept.size < 4 ? ring : ring.filter((_, at) => kept.has(at));
}

function far([x, y]: Point, [u, v]: Point): number {
  return (x - u) ** 2 + (y - v) ** 2;
}

/** Distance of a point from the line through two others, or from the first if they are one. */
function distanceTo([x, y]: Point, [x0, y0]: Point, [x1, y1]: Point): number {
  const length = Math.hypot(x1 - x0, y1 - y0);
  if (length === 0) return Math.hypot(x - x0, y - y0);
  return Math.abs((x1 - x0) * (y0 - y) - (x0 - x) * (y1 - y0)) / length;
}
