/** Files whose nodes compute with integers, as onnxruntime writes them (QOperator), against onnxruntime. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { loadGraph } from "../../../tools/convert/index.js";
import { expectRefusedOrConverted } from "./damaged.js";
import { judge } from "./judged.js";
import { TIMEOUT } from "./onnx-builder.js";

vi.setConfig({ testTimeout: TIMEOUT });

const hasOnnx = spawnSync("python3", ["-c", "import onnx, onnxruntime.quantization"]).status === 0;

/** Integers are equal but for those that another order of roundings makes one more or less. */
const DECIBELS = 30;

let folder: string;
const bytesOf = (name: string): Uint8Array => new Uint8Array(readFileSync(join(folder, `${name}.onnx`)));

describe.skipIf(!hasOnnx)("integer operators (python3 with onnx and onnxruntime)", () => {
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "attendseg-integers-"));
    const program = join(import.meta.dirname, "integer-operators.py");
    const { stderr, status } = spawnSync("python3", ["-W", "ignore", program, folder], { encoding: "utf8" });
    expect(status, stderr).toBe(0);
  }, TIMEOUT);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test.each(["int8", "uint8", "channels"])("%s", async (name) => {
    const { decibels, report } = await judge(bytesOf(name));
    expect(report.kind).toBe("quantized");
    expect(report.notes).toEqual([]);
    expect(decibels).toBeGreaterThan(DECIBELS);
  });

  test("a damaged file is refused or converted, never anything else", async () => {
    await expectRefusedOrConverted(bytesOf("channels"), 60, 4);
  });

  test("every tensor of integers keeps its scale", () => {
    const { graph, model } = loadGraph(bytesOf("int8"));
    expect(model.nodes.some(({ type }) => type === "QLinearConv")).toBe(true);
    expect(graph.nodes.filter(({ type }) => type.includes("QLinear"))).toEqual([]);
  });
});
