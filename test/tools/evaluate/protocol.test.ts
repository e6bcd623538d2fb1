import { beforeAll, describe, expect, test, vi } from "vitest";
import { Segmenter } from "../../../src/index.js";
import { segnetProtocol } from "../../../tools/evaluate/protocol.js";
import { expectFailure, FIXTURE, STREET, Workplace } from "../command.js";
import { buildPng, type PngParts } from "../image/encode.js";

vi.setConfig({ testTimeout: 120_000 });

const place = new Workplace();
const SIZE = { width: 64, height: 48, depth: 8, type: 2 };
const TOTAL = 64 * 48;

describe("attendseg evaluate with groups of classes", () => {
  /** The fixture's own mask of a picture, and of another in a second folder. */
  const masks: Uint8Array[] = [];

  beforeAll(async () => {
    const segmenter = await Segmenter.load(FIXTURE);
    for (const [index, name] of ["one", "two"].entries()) {
      const sample: PngParts["sample"] = (x, y, c) => (STREET.sample(x, y, c) + 60 * index) % 256;
      const data = Uint8Array.from({ length: TOTAL * 3 }, (_, at) => {
        return sample(Math.floor(at / 3) % 64, Math.floor(at / 192), at % 3);
      });
      const mask = Uint8Array.from(segmenter.segment({ data, width: 64, height: 48 }).mask);
      masks.push(mask);
      place.write(`${name}/images/${name}.png`, buildPng({ ...SIZE, sample }));
    }
    const rows = [0, 1, 2, 3, 4].map((id) => `${id},class ${id},${id},${id},${id}`);
    place.write("one/classes.csv", `index,name,r,g,b\n${rows.join("\n")}\n`);
    // The first folder: colours, class 4 has no group. The second: ids of groups, the upper half not labelled.
    const first = (x: number, y: number) => masks[0]![y * 64 + x]!;
    const second = (x: number, y: number) => (y < 24 ? 255 : (groupOf(masks[1]![y * 64 + x]!) ?? 0));
    place.write("one/labels/one.png", buildPng({ ...SIZE, sample: first }));
    place.write("two/labels/two.png", buildPng({ ...SIZE, type: 0, sample: second }));
    place.write(
      "groups.csv",
      "index,name,group\n0,class 0,low\n0,class 1,low\n1,class 2,high\n1,class 3,high\n",
    );
  });

  const groupOf = (id: number) => [0, 0, 1, 1][id];
  const both = ["evaluate", place.model, "--images", "one/images", "--images", "two/images"];
  both.push("--labels", "one/labels", "--labels", "two/labels");

  test("counts a class as its group and leaves out what has none", () => {
    const { code, text, err } = place.run([...both, "--groups", "groups.csv", "--json"]);
    expect([code, err]).toEqual([0, ""]);
    const result = JSON.parse(text);
    const lower = masks[1]!.subarray(TOTAL / 2);
    const wrong = lower.filter((id) => groupOf(id) === undefined).length; // class 4 where the label says low
    const labelled = masks[0]!.filter((id) => id < 4).length + lower.length;
    expect(result.frames).toBe(2);
    expect(result.pixelAccuracy).toBeCloseTo(1 - wrong / labelled, 12);
    expect(result.perClass.map(({ name }: { name: string }) => name)).toEqual(["low", "high", "other"]);
    expect(result.perClass[2]).toMatchObject({ share: 0, iou: null });
  });

  test("a list names frames of any folder", () => {
    place.write("list.txt", "two\n");
    const words = [...both, "--groups", "groups.csv", "--list", "list.txt", "--json"];
    expect(JSON.parse(place.run(words).text).perFrame).toMatchObject([{ name: "two" }]);
    place.write("list.txt", "three\n");
    expectFailure(place.run(words), 1, "list.txt: three is not in one/images or two/images");
  });

  test("the protocol of the literature maps 32 classes to 11, and the 11 to themselves", () => {
    const protocol = segnetProtocol(["Void", "Road", "LaneMkgsDriv", "Child", "Bicyclist"]);
    expect(protocol.names.slice(0, 11)).toEqual(
      "Sky Building Pole Road Pavement Tree SignSymbol Fence Car Pedestrian Bicyclist".split(" "),
    );
    expect(protocol.names).toHaveLength(12);
    expect([...protocol.ofClass]).toEqual([11, 3, 3, 11, 10]);
    expect(["Void", "Road", "Pavement", "Sidewalk", "Child"].map(protocol.ofName)).toEqual([
      255, 3, 4, 4, 255,
    ]);
    expect(segnetProtocol(protocol.names.slice(0, 11)).names).toHaveLength(11);
  });

  test("mistakes are named", () => {
    const groups = (text: string) => {
      place.write("broken.csv", text);
      return place.run([...both, "--groups", "broken.csv"]);
    };
    expectFailure(groups("name,r\n"), 1, "broken.csv: the first line must name the columns name,index");
    expectFailure(groups("name,index\nclass 1,-1\n"), 1, "broken.csv: line 2 has no name or no index");
    expectFailure(groups("name,index\nclass 1,1\n"), 1, "broken.csv: there is no class of group 0");
    expectFailure(place.run([...both, "--labels", "x"]), 2, "--images and --labels are given as often");
    expectFailure(place.run([...both, "--protocol", "segnet", "--groups", "groups.csv"]), 2, "not both");
  });
});
