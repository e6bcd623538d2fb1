/** The LiteRT interpreter, for Python, as the comparator of TFLite files. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const SCRIPT = fileURLToPath(new URL("litert.py", import.meta.url));

/** Whether `pip install ai-edge-litert` has been done. */
export const hasLiteRt = spawnSync("python3", ["-c", "import ai_edge_litert.interpreter"]).status === 0;

/** A file, and the bytes of its input tensor. */
export interface LiteRtCase {
  readonly bytes: Uint8Array;
  readonly input: Uint8Array;
}

/** The bytes of the first output of each file. */
export function runLiteRt(cases: readonly LiteRtCase[]): Uint8Array[] {
  const folder = mkdtempSync(join(tmpdir(), "attendseg-litert-"));
  const path = (index: number, end: string): string => join(folder, `${index}.${end}`);
  try {
    cases.forEach(({ bytes, input }, index) => {
      writeFileSync(path(index, "tflite"), bytes);
      writeFileSync(path(index, "input"), input);
    });
    execFileSync("python3", [SCRIPT, folder], { stdio: ["ignore", "ignore", "pipe"] });
    return cases.map((_, index) => new Uint8Array(readFileSync(path(index, "output"))));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
