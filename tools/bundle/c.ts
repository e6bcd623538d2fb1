/**
 * A standalone module as C, for processors without a WebAssembly host: wasm2c (WABT) translates the engine, and what lies
 * around it is ours: constants in an array of their own, memory of exactly the bytes that are used, a small interface.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { UserError } from "../common/errors.js";
import { HEADER, INTERFACE, LISTS, README, RUNTIME } from "./c-text.js";

/** Names of the files that this writes. */
export type Files = ReadonlyMap<string, string>;

export interface Translated {
  /** The engine without data. */
  readonly engine: Uint8Array;
  /** Linear memory from address 0 to the arena, and the bytes that the arena and what is behind it have. */
  readonly constants: Uint8Array;
  readonly arenaBytes: number;
  readonly width: number;
  readonly height: number;
  readonly classes: number;
  readonly model: string;
}

/**
 * Files of a folder that a C compiler turns into a library.
 *
 * @throws UserError without wasm2c
 */
export function translate(module: Translated): Files {
  const { code, header, runtimeHeader } = runWasm2c(module.engine);
  const facts: Readonly<Record<string, string | number>> = {
    MODEL: module.model.replace(/[^ -~]|\*\//g, "?"),
    WIDTH: module.width,
    HEIGHT: module.height,
    CLASSES: module.classes,
    CONSTANT_BYTES: module.constants.length,
    ARENA_BYTES: module.arenaBytes,
    ...namesOf(header),
    ALLOCATE_PARAMETERS: parametersOf(runtimeHeader, "wasm_rt_allocate_memory"),
  };
  const fill = (text: string) => text.replace(/@(\w+)@/g, (_, name: string) => String(facts[name]));
  return new Map([
    ["engine.c", placeConstants(code)],
    ["engine.h", header],
    ["wasm-rt.h", runtimeHeader],
    ["constants.h", fill(HEADER)],
    ["constants.c", listConstants(module.constants)],
    ["attendseg.h", fill(INTERFACE)],
    ["attendseg.c", fill(RUNTIME)],
    ["CMakeLists.txt", fill(LISTS)],
    ["README.md", fill(README)],
  ]);
}

function runWasm2c(engine: Uint8Array): { code: string; header: string; runtimeHeader: string } {
  const folder = mkdtempSync(join(tmpdir(), "attendseg-c-"));
  try {
    const [module, code, header] = ["engine.wasm", "engine.c", "engine.h"].map((name) => join(folder, name));
    writeFileSync(module!, engine);
    const { error, status, stderr } = spawnSync("wasm2c", [module!, "-n", "engine", "-o", code!]);
    if (error) throw new UserError("--target c needs wasm2c: install WABT (Debian: apt-get install wabt)");
    if (status !== 0) throw new UserError(`wasm2c failed: ${stderr.toString().trim()}`);
    const texts = [code!, header!, findRuntimeHeader()].map((path) => readFileSync(path, "utf8"));
    return { code: texts[0]!, header: texts[1]!, runtimeHeader: texts[2]! };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** wasm-rt.h as it was installed with wasm2c. */
function findRuntimeHeader(): string {
  const programs = (process.env.PATH ?? "")
    .split(delimiter)
    .filter((folder) => existsSync(join(folder, "wasm2c")));
  const places = programs.flatMap((folder) =>
    ["../include", "../wasm2c"].map((place) => join(folder, place)),
  );
  const path = places.map((folder) => join(folder, "wasm-rt.h")).find((file) => existsSync(file));
  if (path === undefined) throw new UserError(`wasm2c has no wasm-rt.h: looked in ${places.join(", ")}`);
  return path;
}

/** Names that the version of wasm2c gives to the instance and its functions. */
function namesOf(header: string): Record<string, string> {
  return header.includes("Z_engine_instance_t")
    ? {
        INSTANCE: "Z_engine_instance_t",
        CALL: "Z_engineZ_",
        START: "Z_engine_init_module(), Z_engine_instantiate",
      }
    : { INSTANCE: "w2c_engine", CALL: "w2c_engine_", START: "wasm2c_engine_instantiate" };
}

/** Parameters of a function as its header declares them, with names: `wasm_rt_memory_t* p0, uint32_t p1`. */
function parametersOf(header: string, name: string): string {
  const [, types] = new RegExp(`^void ${name}\\(([^)]*)\\)`, "m").exec(header) ?? [];
  if (types === undefined) throw new UserError(`wasm2c has a wasm-rt.h without ${name}`);
  return types
    .split(",")
    .map((type, index) => `${/^\s*(?:const\s+)?\w+\s*\*?/.exec(type)![0].trim()} p${index}`)
    .join(", ");
}

/** Lets loads and copies read constants where they are. */
function placeConstants(code: string): string {
  const placed = code
    .replace(/(#include "engine.h"\n)/, '$1#include "constants.h"\n')
    .replace(/&mem->data\[addr\], sizeof\(t1\)/g, "LOADED_FROM(mem, addr), sizeof(t1)")
    .replace(/src->data \+ src_addr, n\)/g, "LOADED_FROM(src, src_addr), n)");
  if (placed.split("LOADED_FROM").length !== 3) {
    throw new UserError(
      "this wasm2c writes something else than 1.0.32 does, with which --target c is tested",
    );
  }
  return placed;
}

function listConstants(bytes: Uint8Array): string {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += 24) lines.push(`  ${bytes.subarray(at, at + 24).join(",")},\n`);
  return `#include "constants.h"\n\nconst uint8_t attendseg_constants[CONSTANT_BYTES] = {\n${lines.join("")}};\n`;
}
