import { describe, expect, test } from "vitest";
import { parseModel } from "../../../../src/model.js";
import { writeModel } from "../../../../tools/convert/aseg/write.js";
import { buildFixture } from "../../../fixtures/fixture.js";

describe("writeModel", () => {
  const model = buildFixture();
  const bytes = writeModel(model);

  test("is read back by parseModel", () => {
    expect(parseModel(bytes)).toEqual(model);
  });

  test("gives the same bytes again", () => {
    expect(writeModel(parseModel(bytes))).toEqual(bytes);
    expect(writeModel(buildFixture())).toEqual(bytes);
  });

  test("refuses a number that its field cannot hold", () => {
    const op = model.ops[1]!;
    const ops = [model.ops[0]!, { ...op, attributes: { ...op.attributes, padTop: 256 } }];
    expect(() => writeModel({ ...model, ops })).toThrow(
      '"padTop" expected an integer from 0 to 255, got 256',
    );
  });
});
