import { readFileSync } from "node:fs";
import { defineConfig } from "vitest/config";

/** `import bytes from "x.wasm"` gives a Uint8Array, as in the build. */
const wasmBytes = {
  name: "wasm-bytes",
  enforce: "pre" as const,
  load(id: string) {
    if (!id.endsWith(".wasm")) return undefined;
    const base64 = readFileSync(id).toString("base64");
    return `export default Uint8Array.from(Buffer.from("${base64}", "base64"));`;
  },
};

export default defineConfig({
  plugins: [wasmBytes],
  test: { include: ["test/**/*.test.ts"], testTimeout: 120_000, server: { deps: { inline: [/\.wasm$/] } } },
});
