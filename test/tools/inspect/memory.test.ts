import { describe, expect, it } from "vitest";
import { Engine, instantiate } from "../../../src/engine.js";
import { engineBytes } from "../../../src/engines/inline.js";
import { type Plan, plan } from "../../../src/plan.js";
import { drawMemory } from "../../../tools/inspect/index.js";
import { squareWindow } from "../../fixtures/fixture.js";
import { buildFused, FUSED_HEIGHT, FUSED_WIDTH } from "../../fixtures/fused.js";
import { Random } from "../../fixtures/random.js";

const model = buildFused(squareWindow(5), -128);

/** Runs the network operation by operation. @returns for each the offsets in the arena of the bytes that it changes */
function watch(planned: Plan): number[][] {
  const instance = instantiate(new WebAssembly.Module(engineBytes("simd")));
  const engine = new Engine(model, planned, instance);
  engine.tensor(model.ops[0]!.output).set(new Random(1).int8(FUSED_HEIGHT * FUSED_WIDTH * 3));
  const arena = new Uint8Array(instance.exports.memory.buffer, planned.arenaAt, planned.arenaBytes);
  return model.ops.map((_, index) => {
    const before = arena.slice();
    if (index > 0) engine.run(index, index + 1);
    return [...arena.keys()].filter((at) => arena[at] !== before[at]);
  });
}

describe("the memory that inspect draws", () => {
  const planned = plan(model, FUSED_HEIGHT, FUSED_WIDTH);
  const changes = watch(planned);
  const isFused = (index: number) => planned.ops[index]!.executedBy !== index;

  it("has every byte that an operation changes as scratch or as output at that operation", () => {
    const faults = changes.map((offsets, index) => {
      const written = planned.blocks.filter(({ tensor, first, last }) => {
        const executed = model.ops.flatMap(({ output }, at) =>
          planned.ops[at]!.executedBy === index ? [output] : [],
        );
        return first <= index && index <= last && (tensor < 0 || executed.includes(tensor));
      });
      return offsets.filter(
        (at) => !written.some((block) => block.offset <= at && at < block.offset + block.bytes),
      );
    });
    expect(faults.map((offsets) => offsets.length)).toEqual(model.ops.map(() => 0));
  });

  it("has the scratch of a fused operation where it is executed, and nothing at its own line", () => {
    const fused = model.ops.flatMap((_, index) => (isFused(index) ? [index] : []));
    expect(fused).toEqual([1, 3]);
    const lines = drawMemory(model, planned, planned.arenaBytes / 16);
    for (const index of fused) {
      const { scratch, executedBy } = planned.ops[index]!;
      expect(changes[index]).toEqual([]);
      expect(changes[executedBy]).toContain(scratch);
      expect(lines[index]).not.toContain("s");
      expect(lines[executedBy]![scratch / 16]).toBe("s");
    }
  });
});
