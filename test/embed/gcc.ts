/** A model in C, compiled by gcc for this machine. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseModel } from "../../src/model.js";
import { bundleC, planBundle } from "../../tools/bundle/index.js";

export const CHECKS = ["-DWASM_RT_MEMCHECK_SIGNAL_HANDLER=0"];
export const NO_CHECKS = ["-DWASM_RT_MEMCHECK_SIGNAL_HANDLER=1", "-DWASM_RT_SKIP_SIGNAL_RECOVERY=1"];
export const UNCONTRACTED = ["-ffp-contract=off"];

/** A model in C at its default size, in an empty folder. */
export async function translated(
  file: Uint8Array,
): Promise<{ folder: string; width: number; height: number }> {
  const model = parseModel(file);
  const { width, height } = model;
  const folder = mkdtempSync(join(tmpdir(), "attendseg-c-"));
  for (const [name, text] of await bundleC(file, planBundle(model, height, width))) {
    writeFileSync(join(folder, name), text);
  }
  return { folder, width, height };
}

/** Compiles a program with the model of a folder; gives its path. */
export function compile(folder: string, program: string, flags: readonly string[]): string {
  const common = ["-O2", "-DNDEBUG", "-DWASM_RT_USE_STACK_DEPTH_COUNT=0", "-I", folder, ...flags];
  const ours = [program, join(folder, "attendseg.c"), join(folder, "constants.c")];
  const objects = ours.map((source, index) => {
    const object = join(folder, `${index}.o`);
    execFileSync("gcc", [...common, "-Wall", "-Wextra", "-Werror", "-c", source, "-o", object]);
    return object;
  });
  const path = join(folder, "program");
  execFileSync("gcc", [...common, "-w", ...objects, join(folder, "engine.c"), "-lm", "-o", path]);
  return path;
}
