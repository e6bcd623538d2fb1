/** All lines of the comparison. Builds of ours are those that the library offers; one that a host lacks is left out. */
import { VARIANTS } from "../../src/variant.js";
import type { Spec } from "./engine.js";

const BROWSER = ["chromium"] as const;
const NODE = ["node", "node-newest"] as const;
const EVERYWHERE = [...NODE, ...BROWSER];
const BOTH = ["node", "chromium"] as const;
/** Share of equal pixels: integers round a little differently, real numbers have no 7 bits at all. */
const INTEGER = 0.98;
const REAL = 0.96;

/** The drawn street. */
const IMAGE = { image: "image.rgb", side: 512 } as const;

function ours(variant: string, threads: number): Spec {
  const isThreaded = threads > 1;
  return {
    name: `ours-${variant}${isThreaded ? `-${threads}` : ""}`,
    label: `attendseg ${variant}${isThreaded ? `, ${threads} threads` : ""}`,
    engine: "ours",
    numbers: "s8",
    threads,
    variant,
    hosts: EVERYWHERE,
    files: ["model.aseg"],
    ...IMAGE,
    agreement: 1,
  };
}

/** The same network with activations of 8 bits instead of 7. */
function eightBits(variant: string): Spec {
  const label = `attendseg ${variant}, 8 bits`;
  return {
    ...ours(variant, 1),
    name: `ours-${variant}-8bit`,
    label,
    files: ["model.8.aseg"],
    agreement: INTEGER,
  };
}

/** @param threads of the engines that have threads, at least 2 */
export function allSpecs(threads = 2): Spec[] {
  const inReal = { numbers: "f32", agreement: REAL, ...IMAGE } as const;
  const tfjs = { ...inReal, files: ["model.json", "model.bin"] } as const;
  const real = { ...inReal, files: ["model.f32.onnx"] } as const;
  const u8 = { numbers: "u8", files: ["model.u8.onnx"], agreement: INTEGER, ...IMAGE } as const;
  const s8 = { numbers: "s8", files: ["model.s8.onnx"], agreement: INTEGER, ...IMAGE } as const;
  const tflite = { ...inReal, files: ["model.f32.tflite"] } as const;
  const tfliteInteger = {
    numbers: "s8",
    files: ["model.s8.tflite"],
    agreement: INTEGER,
    ...IMAGE,
  } as const;
  const web = { engine: "onnxruntime-web", hosts: BOTH } as const;
  const native = { engine: "onnxruntime-node", hosts: NODE } as const;
  const litert = { engine: "litert", hosts: BROWSER } as const;
  const many = `, ${threads} threads`;
  return [
    ...VARIANTS.map((variant) => ours(variant, 1)),
    ...VARIANTS.filter((variant) => variant !== "scalar").map((variant) => ours(variant, threads)),
    ...VARIANTS.filter((variant) => variant !== "scalar").map(eightBits),
    { name: "litert-int8", label: "LiteRT.js int8", threads: 1, ...litert, ...tfliteInteger },
    { name: `litert-int8-${threads}`, label: `LiteRT.js int8${many}`, threads, ...litert, ...tfliteInteger },
    {
      name: "litert-int8-simd",
      label: "LiteRT.js int8, without relaxed SIMD",
      threads: 1,
      ...litert,
      variant: "compat",
      ...tfliteInteger,
    },
    { name: "litert-f32", label: "LiteRT.js f32", threads: 1, ...litert, ...tflite },
    { name: "tfjs-wasm", label: "tfjs-wasm f32", engine: "tfjs-wasm", threads: 1, hosts: BOTH, ...tfjs },
    {
      name: `tfjs-wasm-${threads}`,
      label: `tfjs-wasm f32${many}`,
      engine: "tfjs-wasm",
      threads,
      hosts: BROWSER,
      ...tfjs,
    },
    { name: "ort-web-f32", label: "onnxruntime-web f32", threads: 1, ...web, ...real },
    { name: "ort-web-u8", label: "onnxruntime-web u8", threads: 1, ...web, ...u8 },
    { name: "ort-web-s8", label: "onnxruntime-web s8", threads: 1, ...web, ...s8 },
    { name: "ort-node-f32", label: "onnxruntime native f32", threads: 1, ...native, ...real },
    { name: "ort-node-u8", label: "onnxruntime native u8", threads: 1, ...native, ...u8 },
    { name: "ort-node-s8", label: "onnxruntime native s8", threads: 1, ...native, ...s8 },
    {
      name: "tfjs-cpu",
      label: "tfjs-cpu f32",
      engine: "tfjs-cpu",
      threads: 1,
      hosts: BOTH,
      isSlow: true,
      ...tfjs,
    },
  ];
}
