import { describe, expect, it } from "vitest";
import { HEADER_BYTES, OP_BYTES, TENSOR_BYTES } from "../../src/format.js";
import { writeModel } from "../../tools/convert/aseg/write.js";
import { buildFixture } from "../fixtures/fixture.js";
import { repair, survives } from "../fixtures/hostile.js";
import { Random } from "../fixtures/random.js";
import { VARIANTS, type Variant } from "../variants.js";

const model = buildFixture();
const bytes = writeModel(model);
const opsAt = HEADER_BYTES + model.tensors.length * TENSOR_BYTES;
const dataAt = opsAt + model.ops.length * OP_BYTES;
const cardAt = bytes.length - new TextEncoder().encode(JSON.stringify(model.card)).length;

/** No file may take longer, in milliseconds; the slowest takes a small fraction of it. */
const HANG = 2000;
const TIMEOUT = 300_000;

/** Counts what became of each file; throws where one traps or hangs. */
class Outcomes {
  readonly counts = { refused: 0, ran: 0 };

  add(file: Uint8Array, variant: Variant, what: string): void {
    const start = performance.now();
    try {
      this.counts[survives(file, variant)]++;
    } catch (error) {
      throw new Error(`${what}: ${error}`, { cause: error });
    }
    if (performance.now() - start > HANG) throw new Error(`${what}: it takes longer than ${HANG} ms`);
  }
}

/** The file with a few numbers replaced by ones that are likely to hurt, most of them in the records. */
function mutate(random: Random): Uint8Array {
  const copy = bytes.slice();
  const view = new DataView(copy.buffer);
  for (let count = random.integer(1, 3); count > 0; count--) {
    const end = random.integer(0, 9) === 0 ? bytes.length : dataAt;
    const at = random.integer(16, end - 4);
    const even = at & ~1;
    switch (random.integer(0, 5)) {
      case 0:
        copy[at] = random.word();
        break;
      case 1:
        copy[at] = random.pick([0, 1, 2, 3, 7, 127, 128, 254, 255]);
        break;
      case 2:
        view.setUint16(even, random.pick([0, 1, 255, 256, 8191, 0x7fff, 0x8000, 0xfffe, 0xffff]), true);
        break;
      case 3:
        view.setUint32(even, random.word(), true);
        break;
      case 4:
        copy[at] = copy[at]! + random.integer(-3, 3);
        break;
      default: {
        // two bytes of one operation in place of the same bytes of another
        const field = random.integer(0, OP_BYTES / 2 - 1) * 2;
        const [from, to] = [0, 1].map(
          () => opsAt + random.integer(0, model.ops.length - 1) * OP_BYTES + field,
        );
        copy.copyWithin(to!, from!, from! + 2);
      }
    }
  }
  return repair(copy);
}

describe.each(VARIANTS)(
  "%s: a damaged file with a right checksum is refused or runs to the end",
  (variant) => {
    it("the fixture itself runs", () => {
      expect(survives(bytes, variant)).toBe("ran");
    });

    it(
      "one bit of the header, the records or the card, or one of a byte of the data",
      () => {
        const outcomes = new Outcomes();
        for (let at = 0; at < bytes.length; at++) {
          const isData = at >= dataAt && at < cardAt;
          for (let bit = 0; bit < 8; bit++) {
            if (VARIANTS[(at + bit) % VARIANTS.length] !== variant || (isData && bit !== (at >> 1) % 8))
              continue;
            const copy = bytes.slice();
            copy[at]! ^= 1 << bit;
            outcomes.add(repair(copy), variant, `bit ${bit} of byte ${at}`);
          }
        }
        expect(outcomes.counts.refused).toBeGreaterThan(5_000);
        expect(outcomes.counts.ran).toBeGreaterThan(2_000);
      },
      TIMEOUT,
    );

    it(
      "20,000 random mutations",
      () => {
        const random = new Random(VARIANTS.indexOf(variant));
        const outcomes = new Outcomes();
        for (let count = 0; count < 20_000; count++)
          outcomes.add(mutate(random), variant, `mutation ${count}`);
        expect(outcomes.counts.refused).toBeGreaterThan(1_000);
        expect(outcomes.counts.ran).toBeGreaterThan(1_000);
      },
      TIMEOUT,
    );
  },
);
