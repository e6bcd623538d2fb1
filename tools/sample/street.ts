/** What stands where in the street. */
import { car } from "./cars.js";
import { LEFT, PAVEMENT, RIGHT, type Shadow } from "./ground.js";
import { house } from "./houses.js";
import type { Color, Solid } from "./solids.js";
import { hedge, lamp, person, sign, tree } from "./things.js";

/** Everything in the street, and the shadows under it. */
export function buildStreet(): { solids: Solid[]; shadows: Shadow[] } {
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
