/** Files damaged at random, for tools/test/fuzz.js. */
import { ModelError } from "../src/errors.js";
import { HEADER_FILE_BYTES } from "../src/format.js";
import { parseModel } from "../src/model.js";
import { writeModel } from "../tools/convert/aseg/write.js";
import { ConvertError, convertGraph, exportQdq, loadGraph } from "../tools/convert/index.js";
import { readOnnx } from "../tools/convert/onnx/read.js";
import { SUPPORTED } from "../tools/convert/onnx/shapes.js";
import { writeOnnx } from "../tools/convert/onnx/write.js";
import { lower } from "../tools/convert/passes/index.js";
import { decodeImage } from "../tools/image/index.js";
import { buildCase } from "./cases/case.js";
import { depthwiseCases, pointwiseCases } from "./cases/convolutions.js";
import { buildFixture } from "./fixtures/fixture.js";
import { repair, survives } from "./fixtures/hostile.js";
import { Random } from "./fixtures/random.js";
import { OnnxBuilder } from "./tools/convert/onnx-builder.js";
import { buildJpeg, buildPng, pngChunk } from "./tools/image/encode.js";

/** Share of the logits' largest deviation: more than float32 sums in another order differ by. */
const WRONG = 1e-3;

/** No file may take longer, milliseconds of CPU. */
const HANG = 5000;

/** What became of the files. */
export interface Counts {
  refused: number;
  taken: number;
}

/** Tries one damaged file: whether it was taken; throws where something is wrong. */
type Attempt = (random: Random) => Promise<boolean>;

/**
 * Tries files of a kind: `aseg`, `onnx` or `pictures`.
 *
 * @throws Error with the seed of the first file that was neither refused nor taken, or took too long
 */
export async function fuzz(kind: string, count: number, seed: number): Promise<Counts> {
  const makers: Record<string, () => Attempt | Promise<Attempt>> = { aseg, onnx, pictures };
  const attempt = await makers[kind]!();
  const counts: Counts = { refused: 0, taken: 0 };
  for (let index = 0; index < count; index++) {
    const before = process.cpuUsage();
    try {
      if (await attempt(new Random(seed + index))) counts.taken++;
      else counts.refused++;
    } catch (error) {
      throw new Error(`${kind}, --seed ${seed + index} --count 1: ${error}`, { cause: error });
    }
    const { user } = process.cpuUsage(before);
    if (user > 1000 * HANG) throw new Error(`${kind}, --seed ${seed + index}: it takes ${user / 1000} ms`);
  }
  return counts;
}

/** A copy with a few bytes changed, cut out, repeated or cut off. */
function damage(bytes: Uint8Array, random: Random, first = 0): Uint8Array {
  let copy = Uint8Array.from(bytes);
  for (let count = random.integer(1, 4); count > 0 && copy.length > first + 1; count--) {
    const at = random.integer(first, copy.length - 1);
    const length = random.integer(1, 16);
    switch (random.integer(0, 7)) {
      case 0:
        copy = copy.slice(0, at);
        break;
      case 1:
        copy = Uint8Array.from([...copy.subarray(0, at), ...copy.subarray(at + length)]);
        break;
      case 2:
        copy = Uint8Array.from([...copy.subarray(0, at + length), ...copy.subarray(at)]);
        break;
      case 3:
        copy[at] = random.pick([0, 1, 127, 128, 254, 255]);
        break;
      case 4:
        copy.fill(random.word(), at, at + length);
        break;
      default:
        copy[at] = random.word();
    }
  }
  return copy;
}

/** Model files with a right checksum and length, on every build in turn. */
function aseg(): Attempt {
  // besides the fixture wide logits and convolutions with an activation
  const special = [...pointwiseCases, ...depthwiseCases].filter(({ output, filter }) => {
    return filter?.isActivated || output.max > 127;
  });
  const files = [buildFixture(), ...special.map((test) => buildCase(test).model)].map(writeModel);
  const variants = ["scalar", "simd"] as const;
  return async (random) => {
    const file = random.integer(0, 1) === 0 ? files[0]! : random.pick(files);
    const copy = damage(file, random, 16);
    if (copy.length < 64) {
      try {
        parseModel(copy);
        return true;
      } catch (error) {
        if (error instanceof ModelError) return false;
        throw error;
      }
    }
    new DataView(copy.buffer).setUint32(HEADER_FILE_BYTES, copy.length, true);
    return survives(repair(copy), random.pick(variants)) === "ran";
  };
}

/** Three float networks: a chain, one with branches, and an attention gate. */
function floatNetworks(): Uint8Array[] {
  const chain = new OnnxBuilder(1);
  const activated = chain.node("HardSwish", [chain.batchNorm(chain.conv("x", 3, 8, 3, { stride: 2 }), 8)]);
  const branches = new OnnxBuilder(2);
  const stem = branches.node("Relu", [branches.conv("x", 3, 8, 3)]);
  const pooled = branches.node("MaxPool", [stem], { kernel_shape: [2, 2], strides: [2, 2] });
  const scales = branches.constant([1, 1, 2, 2]);
  const wide = branches.node("Resize", [branches.conv(pooled, 8, 8), "", scales], { mode: "nearest" });
  const joined = branches.node("Concat", [branches.node("Add", [stem, wide]), stem], { axis: 1 });
  const gated = new OnnxBuilder(3);
  const features = gated.conv("x", 3, 6, 3);
  const mean = gated.node("GlobalAveragePool", [features]);
  const gate = gated.node("Sigmoid", [gated.conv(mean, 6, 6)]);
  const scaled = gated.node("Mul", [features, gate]);
  return [
    chain.build(chain.conv(activated, 8, 4)),
    branches.build(branches.conv(joined, 16, 4)),
    gated.build(gated.node("Softmax", [gated.conv(scaled, 6, 4)], { axis: 1 })),
  ];
}

/** @throws TypeError if what a file is lowered to computes other logits than onnxruntime does with the file */
async function expectSame(file: Uint8Array, size: { width: number; height: number }): Promise<void> {
  const { loweredError } = await import("./tools/convert/float.js");
  const error = await loweredError(file, size);
  if (error > WRONG) throw new TypeError(`the logits differ from onnxruntime's by ${error} of their spread`);
}

/** ONNX files with bytes damaged, or with their graphs rewired. */
function onnx(): Attempt {
  const size = { width: 32, height: 32 };
  const model = buildFixture();
  const quantized = [16, 32, 64].map((side) => exportQdq(model, side, side));
  const files = [...floatNetworks(), ...quantized];
  for (const file of files) lower(loadGraph(file, size).graph);
  return async (random) => {
    const file = random.pick(files);
    const changed = random.integer(0, 1) === 0 ? damage(file, random) : rewire(file, random);
    try {
      const loaded = loadGraph(changed, size);
      const graph = lower(loaded.graph);
      if (graph.quantization.size > 0) await convertGraph(loaded, {});
      else await expectSame(changed, size);
      return true;
    } catch (error) {
      if (error instanceof ConvertError) return false;
      throw error;
    }
  };
}

function rewire(file: Uint8Array, random: Random): Uint8Array {
  const { nodes, ...rest } = readOnnx(file);
  const names = [...nodes.flatMap((node) => [...node.inputs, ...node.outputs]), ""];
  for (let count = random.integer(1, 4); count > 0; count--) {
    const node = random.pick(nodes);
    switch (random.integer(0, 5)) {
      case 0:
        node.type = random.pick([...SUPPORTED, "Loop", "If", "Constant", "Shape", "Gather", "constructor"]);
        break;
      case 1:
        if (node.inputs.length > 0)
          node.inputs[random.integer(0, node.inputs.length - 1)] = random.pick(names);
        break;
      case 2:
        node.inputs.push(random.pick(names));
        break;
      case 3:
        node.inputs.pop();
        break;
      case 4: {
        const name = random.pick([
          "axis",
          "axes",
          "group",
          "pads",
          "strides",
          "dilations",
          "mode",
          "perm",
          "to",
        ]);
        const value = random.pick([-(2 ** 31), -1, 0, 1, 2, 7, 255, 2 ** 31 - 1]);
        const list = new Array<number>(random.integer(0, 5)).fill(value);
        node.attributes[name] = random.pick([
          { kind: "int", value } as const,
          { kind: "ints", value: list } as const,
          { kind: "string", value: "linear" } as const,
        ]);
        break;
      }
      default: {
        const tensor = random.pick(rest.initializers);
        if (tensor?.dims.length)
          tensor.dims[random.integer(0, tensor.dims.length - 1)] = random.integer(-1, 70_000);
      }
    }
  }
  return writeOnnx({ ...rest, nodes });
}

/** Pictures of every kind that can be made here. */
async function pictures(): Promise<Attempt> {
  const [width, height] = [33, 21];
  const sample = (x: number, y: number, c: number) => (x * 7 + y * 11 + c * 40) % 256;
  const palette = Uint8Array.from({ length: 768 }, (_, at) => at);
  const png = { width, height, depth: 8, type: 2, sample, filter: (row: number) => row % 5 };
  const files = [
    buildPng(png),
    buildPng({ ...png, type: 6, interlaced: true }),
    buildPng({ ...png, type: 3, depth: 4, palette, sample: (x) => x % 16 }),
    buildPng({ ...png, type: 0, depth: 16 }),
    buildJpeg({ width, height, components: 3, level: (column, row) => (column + row) * 16 }),
    buildJpeg({ width, height, orientation: 5 }),
  ];
  const { default: sharp } = await import("sharp");
  const raw = Uint8Array.from({ length: width * height * 3 }, (_, at) => at * 7);
  const image = () => sharp(raw, { raw: { width, height, channels: 3 } });
  files.push(await image().webp().toBuffer(), await image().webp({ lossless: true }).toBuffer());
  files.push(await image().jpeg({ progressive: true }).toBuffer(), await image().jpeg().toBuffer());
  files.push(await image().gif().toBuffer(), await image().tiff().toBuffer());
  const inks = image().toColourspace("cmyk");
  files.push(await inks.clone().jpeg().toBuffer(), await inks.clone().tiff().toBuffer());
  const clear = Uint8Array.from({ length: width * height * 4 }, (_, at) => ((at >> 2) % 3 === 0 ? 0 : 255));
  files.push(
    await sharp(clear, { raw: { width, height, channels: 4 } })
      .gif()
      .toBuffer(),
  );
  files.push(await image().avif().toBuffer());
  return async (random) => {
    const file = random.pick(files);
    const changed = damage(file, random);
    const bytes = file[0] === 0x89 && random.integer(0, 1) === 1 ? withChecksums(changed) : changed;
    try {
      const { data, width, height, channels } = await decodeImage(bytes, "picture");
      if (data.length !== width * height * channels) throw new TypeError("the size is wrong");
      return true;
    } catch (error) {
      if ((error as Error).name === "UserError") return false;
      throw error;
    }
  };
}

/** A PNG file whose chunks have right checksums, as far as they can be followed. */
function withChecksums(bytes: Uint8Array): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const parts: Uint8Array[] = [bytes.subarray(0, 8)];
  let at = 8;
  while (at + 12 <= bytes.length && at + 12 + view.getUint32(at) <= bytes.length) {
    const end = at + 8 + view.getUint32(at);
    const name = Buffer.from(bytes.subarray(at + 4, at + 8)).toString("latin1");
    parts.push(pngChunk(name, bytes.subarray(at + 8, end)));
    at = end + 4;
  }
  return Buffer.concat([...parts, bytes.subarray(at)]);
}
