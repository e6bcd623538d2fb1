import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { expectFailure, FIXTURE, Workplace } from "../command.js";

const place = new Workplace();

/** Memory in bytes and size of the input that a module has, and whether its self-test passes. */
function inspect(module: Uint8Array): [memory: number, width: number, height: number, selftest: number] {
  const instance = new WebAssembly.Instance(new WebAssembly.Module(Uint8Array.from(module)));
  const exports = instance.exports as Record<string, () => number> & { memory: WebAssembly.Memory };
  return [exports.memory.buffer.byteLength, exports.width!(), exports.height!(), exports.selftest!()];
}

test("attendseg bundle writes a module that runs, and says what it is", () => {
  const { code, text, err } = place.run([
    "bundle",
    place.model,
    "-o",
    "out.wasm",
    "--size",
    "72x40",
    "--json",
  ]);
  expect([code, err]).toEqual([0, ""]);
  const module = readFileSync(join(place.folder, "out.wasm"));
  const report = JSON.parse(text);
  expect(report).toEqual({
    file: "out.wasm",
    fileBytes: module.length,
    sha256: createHash("sha256").update(module).digest("hex"),
    model: "fixture",
    variant: "simd",
    input: { width: 72, height: 40 },
    memoryBytes: expect.any(Number),
    usedBytes: report.constantBytes + report.arenaBytes + 64,
    constantBytes: expect.any(Number),
    arenaBytes: expect.any(Number),
    maskBytes: 72 * 40,
    classes: 5,
  });
  expect(inspect(module)).toEqual([report.memoryBytes, 72, 40, 1]);
});

test("from standard input to standard output, at the model's own size", () => {
  const piped = place.run(["bundle", "-", "-o", "-", "--variant", "scalar"], FIXTURE);
  expect(piped.code).toBe(0);
  expect(piped.err).toContain("engine         scalar\ninput          64x48 RGB\n");
  expect(inspect(piped.out).slice(1)).toEqual([64, 48, 1]);
  expect(place.run(["bundle", place.model, "-o", "same.wasm", "--variant", "scalar"]).code).toBe(0);
  expect(Buffer.compare(piped.out, readFileSync(join(place.folder, "same.wasm")))).toBe(0);
});

test("exact memory, a component, C", () => {
  const sizes = ["--size", "32x32", "--json"];
  const exact = place.run(["bundle", place.model, "-o", "exact.wasm", "--exact", ...sizes]);
  const { memoryBytes, usedBytes } = JSON.parse(exact.text);
  expect([exact.code, memoryBytes]).toEqual([0, usedBytes]);
  const component = place.run(["bundle", place.model, "-o", "component.wasm", "--component", ...sizes]);
  expect(component.code).toBe(0);
  const [layer] = readFileSync(join(place.folder, "component.wasm")).subarray(6, 7);
  expect(layer).toBe(1);
  // without wasm2c on the way to programs
  vi.stubEnv("PATH", "/nowhere");
  const c = place.run(["bundle", place.model, "-o", "c", "--target", "c"]);
  vi.unstubAllEnvs();
  expectFailure(c, 1, "--target c needs wasm2c: install WABT (Debian: apt-get install wabt)");
});

test.each([
  [["bundle", "-o", "x.wasm"], 2, "missing required argument 'model'"],
  [["bundle", "MODEL"], 2, "required option '-o, --output <file>' not specified"],
  [["bundle", "MODEL", "-o", "-", "--json"], 2, "-o - takes no --json"],
  [["bundle", "MODEL", "-o", "x.wasm", "--variant", "relaxed"], 2, "Allowed choices are scalar, simd"],
  [["bundle", "MODEL", "-o", "-", "--target", "c"], 2, "-o - takes no --target c"],
  [
    ["bundle", "MODEL", "-o", "x", "--target", "c", "--exact"],
    2,
    "--target c takes no --exact: memory is exact",
  ],
  [["bundle", "MODEL", "-o", "x", "--target", "c", "--component"], 2, "--target c takes no --component"],
  [
    ["bundle", "MODEL", "-o", "x", "--target", "c", "--variant", "simd"],
    2,
    "--target c takes no --variant simd",
  ],
  [["bundle", "MODEL", "-o", "x.wasm", "--exact", "--component"], 2, "--component takes no --exact"],
  [["bundle", "MODEL", "-o", "x.wasm", "--size", "50x48"], 2, /--size 50x48: .*multiple of 8/],
  [["bundle", "none.aseg", "-o", "x.wasm"], 1, "none.aseg: no such file or folder"],
  [["bundle", "MODEL", "-o", "none/x.wasm"], 1, "none/x.wasm: no such file or folder"],
])("%j fails in one line", (words, code, line) => {
  expectFailure(place.run(words.map((word) => (word === "MODEL" ? place.model : word))), code, line);
});
