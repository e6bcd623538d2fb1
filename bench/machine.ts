/** What a result was measured on. */
import { readFileSync } from "node:fs";
import { cpus, release, totalmem, type } from "node:os";
import { join } from "node:path";

/** Instruction sets that decide how fast such engines are. */
const TELLING = /^(sse4_1|ssse3|avx|avx2|fma|f16c|avx512\w*|avx_vnni|amx_\w+|asimd|asimddp|i8mm|sve2?)$/;

const PACKAGES = [
  "@litertjs/core",
  "@tensorflow/tfjs-backend-cpu",
  "@tensorflow/tfjs-backend-wasm",
  "@tensorflow/tfjs-converter",
  "@tensorflow/tfjs-core",
  "onnxruntime-node",
  "onnxruntime-web",
  "playwright-core",
];

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly flags: readonly string[];
  readonly memoryGB: number;
  readonly system: string;
}

/** This machine; flags are known on Linux only. */
export function thisMachine(): Machine {
  let flags: string[] = [];
  try {
    const text = readFileSync("/proc/cpuinfo", "utf8");
    flags = (/^(?:flags|Features)\s*: (.*)$/m.exec(text)?.[1] ?? "")
      .split(" ")
      .filter((flag) => TELLING.test(flag));
  } catch {}
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: cpus().length,
    flags,
    memoryGB: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release().split(/[-+]/)[0]}`,
  };
}

/** Versions of the packages compared. @param folder that holds node_modules */
export function packageVersions(folder: string): Record<string, string> {
  return Object.fromEntries(
    PACKAGES.map((name) => {
      const text = readFileSync(join(folder, "node_modules", name, "package.json"), "utf8");
      return [name, JSON.parse(text).version as string];
    }),
  );
}
