/** Evaluation in coarser classes than a model's: groups of classes from a table, or the 11 of the literature. */
import { UserError } from "../common/errors.js";
import { readBytes, readText } from "../common/files.js";
import {
  findClasses,
  IGNORED,
  type ReadLabels,
  readClasses,
  readIdLabels,
  readLabels,
} from "../data/labels.js";

/** What masks and labels are compared as. */
export interface Protocol {
  /** Names of the groups; after them, if the model has classes in none, one that no label bears. */
  readonly names: readonly string[];
  /** The group of each class of the model. */
  readonly ofClass: Uint8Array;
  /** The group of a class or group of a data set by its name, IGNORED where it has none. */
  readonly ofName: (name: string) => number;
  /** Size at which masks and labels are compared; the network's input size if there is none. */
  readonly size?: { readonly width: number; readonly height: number };
}

/**
 * The 11 classes in which the literature evaluates CamVid (SegNet, 2015), each with the classes of the full set of 32
 * that belong to it. Void and the rest are left out. Compared at 480x360.
 */
const SEGNET: Readonly<Record<string, readonly string[]>> = {
  Sky: ["Sky"],
  Building: ["Building", "Wall"],
  Pole: ["Column_Pole"],
  Road: ["Road", "LaneMkgsDriv", "LaneMkgsNonDriv", "RoadShoulder"],
  Pavement: ["Sidewalk", "ParkingBlock"],
  Tree: ["Tree", "VegetationMisc"],
  SignSymbol: ["SignSymbol", "TrafficLight", "Misc_Text"],
  Fence: ["Fence"],
  Car: ["Car", "SUVPickupTruck", "Truck_Bus", "Train"],
  Pedestrian: ["Pedestrian"],
  Bicyclist: ["Bicyclist", "MotorcycleScooter"],
};

/** The protocol of the literature, for a model's classes: those of CamVid, or the 11 themselves. */
export function segnetProtocol(classes: readonly string[]): Protocol {
  const groups = Object.entries(SEGNET);
  const table = new Map(groups.flatMap(([, members], id) => members.map((name) => [name, id] as const)));
  const names = groups.map(([name]) => name);
  return { ...protocolOf(table, names, classes), size: { width: 480, height: 360 } };
}

/**
 * Groups from a CSV file with a line for each class that has one: columns name and index, and group for the group's
 * name, in any order. Pixels of other classes, and of a group called Void, are left out.
 *
 * @throws UserError that names the file and the line
 */
export function readGroups(path: string, classes: readonly string[]): Protocol {
  const lines = readText(path).split(/\r?\n/);
  const head = lines[0]!.split(",").map((cell) => cell.trim().toLowerCase());
  const [name, index, group] = ["name", "index", "group"].map((column) => head.indexOf(column)) as [
    number,
    number,
    number,
  ];
  if (Math.min(name, index) < 0)
    throw new UserError(`${path}: the first line must name the columns name,index`);
  const table = new Map<string, number>();
  const names: string[] = [];
  for (const [at, line] of lines.entries()) {
    if (at === 0 || line.trim() === "") continue;
    const cells = line.split(",").map((cell) => cell.trim());
    const id = Number(cells[index] || Number.NaN);
    if (!cells[name] || !Number.isInteger(id) || id < 0 || id >= IGNORED - 1)
      throw new UserError(`${path}: line ${at + 1} has no name or no index from 0 to ${IGNORED - 2}`);
    table.set(cells[name], id);
    names[id] = cells[group] || `group ${id}`;
  }
  const gap = Array.from(names, (each) => each ?? "").indexOf("");
  if (names.length === 0 || gap >= 0)
    throw new UserError(`${path}: there is no class of group ${Math.max(0, gap)}`);
  return protocolOf(table, names, classes);
}

function protocolOf(
  table: ReadonlyMap<string, number>,
  names: readonly string[],
  classes: readonly string[],
): Protocol {
  const find = (name: string) => table.get(name) ?? names.indexOf(name);
  const ofClass = Uint8Array.from(classes, (name) => (find(name) < 0 ? names.length : find(name)));
  const ofName = (name: string) => {
    const id = find(name);
    return id < 0 || names[id]!.toLowerCase() === "void" ? IGNORED : id;
  };
  return { names: ofClass.includes(names.length) ? [...names, "other"] : names, ofClass, ofName };
}

/**
 * How the labels of a folder are read: in colours or as ids of the classes.csv beside them, or as ids of groups where
 * there is none.
 *
 * @returns a reader of the group of every pixel, or IGNORED
 */
export function groupReader(folder: string, { names, ofName }: Protocol, classesFile?: string): ReadLabels {
  const path = classesFile ?? findClasses(folder);
  const classes = path === undefined ? undefined : readClasses(path);
  const known = classes?.map(({ name }) => name) ?? names.filter((name) => name !== "other");
  const ids = Uint8Array.from(known, ofName);
  const colors = new Map(
    classes?.map(({ color: [r, g, b] }, id) => [(r << 16) | (g << 8) | b, ids[id]!] as const),
  );
  return (label) => (hasColors(label) ? readLabels(label, colors) : readIdLabels(label, ids));
}

/** Whether a PNG file holds colours rather than grey levels or indices of a palette; other files do. */
function hasColors(path: string): boolean {
  const COLOR_TYPE = 25;
  const type = readBytes(path)[COLOR_TYPE];
  return type !== 0 && type !== 3;
}
