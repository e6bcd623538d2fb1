/** Hosts that run JavaScript from a command line: Node, Deno, Bun, workerd, the edge, jsc, QuickJS. */
import { cpSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import {
  Absent,
  bundleProgram,
  execute,
  FOLDER,
  type Host,
  listJobs,
  MAIN_BUILDS,
  MAIN_IMPORT,
  needPackage,
  needProgram,
  programSource,
  readHashes,
} from "./host.js";
import type { Jobs } from "./jobs.js";
import type { Hashes } from "./probe.js";

const PLATFORM = process.platform === "win32" ? "win" : process.platform;
const JS_BUILD = '{ name: "javascript", load: Segmenter.load }';
const JS_IMPORT = 'import { Segmenter } from "attendseg/js";';

/** A release line of Node, or the newest. */
function node(tag: string): Host {
  const name = `node-${tag}`;
  return {
    name,
    async run(jobs) {
      const packageName = `node-${PLATFORM}-${process.arch}`;
      const program = await needPackage(name, [`${packageName}@${tag}`], `${packageName}/bin/node`);
      return runScript([program], [], jobs);
    },
  };
}

/** V8 with one of its compilers of WebAssembly only, on the Node that runs this. */
function v8(name: string, ...flags: string[]): Host {
  return { name, run: (jobs) => runScript([process.execPath], flags, jobs) };
}

/** Node of another architecture, emulated. */
function emulated(arch: string, tag: string, emulator: string, triple: string, debian: string): Host {
  const name = `node-${arch}`;
  return {
    name,
    async run({ fixture, sizes, probabilities }) {
      const qemu = needProgram(emulator, "qemu-user-static");
      const root = `/usr/${triple}`;
      if (!existsSync(`${root}/lib/libstdc++.so.6`)) {
        throw new Absent(`there is no libstdc++ for ${arch}: apt-get install libstdc++6-${debian}-cross`);
      }
      const packageName = `node-linux-${arch}`;
      const program = await needPackage(
        name,
        ["--force", `${packageName}@${tag}`],
        `${packageName}/bin/node`,
      );
      const command = [qemu, "-L", root, program];
      // some versions of qemu hang before Node has started; one that does not needs seconds, on a busy machine minutes
      await execute("timeout", ["300", ...command, "-e", "0"]).catch(() => {
        throw new Absent(`${emulator} does not start Node ${tag} within five minutes`);
      });
      return runScript(command, [], { fixture, sizes, probabilities });
    },
  };
}

const deno: Host = {
  name: "deno",
  async run(jobs) {
    return runScript([await needDeno()], ["run", "--quiet", "--no-config", "--allow-read"], jobs);
  },
};

const bun: Host = {
  name: "bun",
  async run(jobs) {
    return runScript([await needBun()], ["run"], jobs);
  },
};

/** Path of Deno. */
export function needDeno(): Promise<string> {
  const package_ = `@deno/${PLATFORM}-${process.arch}${PLATFORM === "linux" ? "-glibc" : ""}`;
  return needPackage("deno", ["deno@2"], `${package_}/deno`);
}

/** Path of Bun. */
export function needBun(): Promise<string> {
  const system = process.platform === "win32" ? "windows" : process.platform;
  const package_ = `@oven/bun-${system}-${process.arch === "arm64" ? "aarch64" : process.arch}`;
  return needPackage("bun", [`${package_}@1`], `${package_}/bin/bun`);
}

/** @param command the runtime, and what runs it where it is emulated */
async function runScript(command: readonly string[], args: readonly string[], jobs: Jobs) {
  const script = await mainProgram(jobs);
  const [program, ...before] = command;
  const run = (words: readonly string[]) => execute(program!, [...before, ...words]);
  const version = (await run(["--version"])).split("\n")[0]!.replace(/^(v|deno )/, "");
  const hashes = readHashes(await run([...args, script]));
  return { version: version.split(" ")[0]!, hashes };
}

/** The program of the three: the package as Node finds it. */
function mainProgram(jobs: Jobs): Promise<string> {
  const builds = [...MAIN_BUILDS, '{ name: "url", load: Url.load }'];
  const imports = `${MAIN_IMPORT} import { Segmenter as Url } from "attendseg/url";`;
  const source = programSource(builds, "(line) => console.log(line)", imports);
  cpSync("dist/engine", join(FOLDER, "engine"), { recursive: true });
  return bundleProgram("main.mjs", source, listJobs(jobs), { conditions: ["node"] });
}

/** The translated engine on the Node that runs this, with WebAssembly taken away. */
const javascript: Host = {
  name: "javascript",
  async run(jobs) {
    const imports = `${JS_IMPORT} delete globalThis.WebAssembly;`;
    const source = programSource([JS_BUILD], "(line) => console.log(line)", imports);
    const script = await bundleProgram("javascript.mjs", source, listJobs(jobs), { conditions: ["node"] });
    const hashes = readHashes(await execute(process.execPath, [script]));
    return { version: `Node ${process.versions.node}`, hashes };
  },
};

const WORKERD_CONFIG = `
using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (services = [(name = "main", worker = .main)]);
const main :Workerd.Worker = (
  compatibilityDate = "2025-06-01",
  modules = [
    (name = "worker.mjs", esModule = embed "worker.mjs"),
    (name = "engine/simd.wasm", wasm = embed "engine/simd.wasm"),
    (name = "engine/scalar.wasm", wasm = embed "engine/scalar.wasm"),
  ],
);
`;

const workerd: Host = {
  name: "workerd",
  async run(jobs) {
    const program = await needWorkerd();
    const folder = join(FOLDER, "workerd");
    await bundleProgram("workerd/worker.mjs", workerdSource("./probe.js", "jobs"), listJobs(jobs), {
      conditions: ["workerd"],
      external: ["*.wasm"],
    });
    const hashes = readHashes(await runWorkerd(program, folder, "dist/engine"));
    const version = (await execute(program, ["--version"])).trim().replace("workerd ", "");
    return { version, hashes };
  },
};

/** Path of workerd. */
export function needWorkerd(): Promise<string> {
  const arch = process.arch === "x64" ? "64" : process.arch;
  const package_ = `@cloudflare/workerd-${process.platform}-${arch}`;
  return needPackage("workerd-npm", ["workerd@1"], `${package_}/bin/workerd`);
}

/** A worker that runs the jobs as its test. */
export function workerdSource(probe: string, jobs: string): string {
  return `
    import { probe } from "${probe}";
    import jobs from "${jobs}";
    ${MAIN_IMPORT}
    export default {
      async test() {
        console.log(JSON.stringify(await probe(jobs, [${MAIN_BUILDS.join(", ")}])));
      },
    };
  `;
}

/** Runs worker.mjs of a folder with the engine's modules beside it. */
export function runWorkerd(program: string, folder: string, engine: string): Promise<string> {
  cpSync(engine, join(folder, "engine"), { recursive: true });
  writeFileSync(join(folder, "config.capnp"), WORKERD_CONFIG);
  return execute(program, ["test", "config.capnp"], folder);
}

const jsc: Host = {
  name: "jsc",
  async run(jobs) {
    const program = needProgram("jsc", "libjavascriptcoregtk-4.0-bin");
    const report = "print, (error) => print(String(error))";
    const source = programSource(MAIN_BUILDS, report, MAIN_IMPORT);
    const script = await bundleProgram("jsc.js", source, listJobs(jobs), { format: "iife" });
    return {
      version: await debianVersion("libjavascriptcoregtk-4.0-bin"),
      hashes: readHashes(await execute(program, [script])),
    };
  },
};

/** QuickJS has no WebAssembly and no atob, TextDecoder or fetch; itself it runs as WebAssembly here. */
const quickjs: Host = {
  name: "quickjs",
  async run({ fixture, sizes, probabilities }) {
    const entry = "quickjs-emscripten/package.json";
    const manifest = await needPackage("quickjs", ["quickjs-emscripten@0.32"], entry);
    const main = createRequire(manifest).resolve("quickjs-emscripten");
    const { getQuickJS } = await import(pathToFileURL(main).href);
    const source = programSource([JS_BUILD], "(line) => { globalThis.result = line; }", JS_IMPORT);
    const script = await bundleProgram("quickjs.js", source, [fixture, sizes, probabilities], {
      format: "iife",
    });
    const context = (await getQuickJS()).newContext();
    context.unwrapResult(context.evalCode(readFileSync(script, "utf8"))).dispose();
    context.runtime.executePendingJobs();
    const result = context.getProp(context.global, "result");
    const hashes: Hashes = readHashes(String(context.dump(result)));
    const { version } = JSON.parse(readFileSync(join(dirname(manifest), "package.json"), "utf8"));
    return { version: `quickjs-emscripten ${version}`, hashes };
  },
};

/** Version of a Debian package without epoch and revision, "" where there is no dpkg. */
export async function debianVersion(name: string): Promise<string> {
  try {
    const version = await execute("dpkg-query", ["--show", name]);
    return version
      .trim()
      .replace(/^\S+\s+(\d+:)?/, "")
      .replace(/-[^-]*$/, "");
  } catch {
    return "";
  }
}

export const RUNTIMES: readonly Host[] = [
  ...["18", "20", "22", "24", "latest"].map(node),
  v8("v8-liftoff", "--liftoff-only"),
  v8("v8-turbofan", "--no-liftoff"),
  emulated("arm64", "22", "qemu-aarch64-static", "aarch64-linux-gnu", "arm64"),
  emulated("armv7l", "20", "qemu-arm-static", "arm-linux-gnueabihf", "armhf"),
  deno,
  bun,
  workerd,
  jsc,
  javascript,
  quickjs,
];
