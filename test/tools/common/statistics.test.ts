import { expect, test } from "vitest";
import { median } from "../../../tools/common/statistics.js";

test("the median is the middle", () => {
  expect([median([3]), median([4, 1]), median([9, 1, 5])]).toEqual([3, 2.5, 5]);
  expect(median([])).toBeNaN();
});
