/** Files for `convert` with bits changed at random. */
import { expect } from "vitest";
import { ConvertError, convert } from "../../../tools/convert/index.js";
import { Random } from "../../fixtures/random.js";

/** Converts copies of a file with one to three bits changed: each is refused by a ConvertError or converted, some refused. */
export async function expectRefusedOrConverted(bytes: Uint8Array, rounds: number, seed: number) {
  const random = new Random(seed);
  let refused = 0;
  for (let round = 0; round < rounds; round++) {
    const damaged = bytes.slice();
    for (let change = random.integer(1, 3); change > 0; change--) {
      damaged[random.integer(0, bytes.length - 1)]! ^= 1 << random.integer(0, 7);
    }
    await convert(damaged).catch((error) => {
      expect(error).toBeInstanceOf(ConvertError);
      refused++;
    });
  }
  expect(refused).toBeGreaterThan(5);
}
