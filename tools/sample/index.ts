/**
 * A street scene drawn by code, so that there is a picture to segment before anyone has taken a photo.
 *
 * A camera stands in the left lane, 1.4 m above the road. Solids (convex bodies and ellipsoids) and the ground
 * are painted into a picture of twice the size with a depth for every pixel, which is then averaged down. Only
 * +, -, *, / and square roots are used, so every machine draws the same bytes.
 *
 * World axes in metres: x to the right, y up, z away from the camera.
 */
import type { Picture } from "../image/picture.js";
import { ground, type Shadow, sky } from "./ground.js";
import { type Color, dot, EYE, NEAR, type Solid, unit, type Vector } from "./solids.js";
import { buildStreet } from "./street.js";
import { blend, hash, shade } from "./texture.js";

const WIDTH = 960;
const HEIGHT = 720;
/** Subpixels across and down a pixel. */
const FINE = 2;
/** Distance of the picture plane in pixels, and row of the horizon. */
const FOCAL = 760;
const HORIZON = 345;

/** Light comes from above, the right and behind the camera. */
const LIGHT: Vector = unit([0.35, 0.8, -0.48]);

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
