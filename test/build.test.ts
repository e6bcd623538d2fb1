import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

/** A file of the library without the engines, which are text that begins with the magic number of a module. */
function withoutEngines(path: string): string {
  return readFileSync(path, "utf8").replace(/"AGFzb[^"]*"/g, '""');
}

describe("the built library", () => {
  it("has at most 20,000 bytes besides the engines", () => {
    expect(readFileSync("dist/index.js", "utf8").length).toBeGreaterThan(40_000);
    expect(Buffer.byteLength(withoutEngines("dist/index.js"))).toBeLessThanOrEqual(20_000);
  });

  it("has every file that package.json promises", () => {
    const { exports } = JSON.parse(readFileSync("package.json", "utf8"));
    const paths = Object.values(exports).flatMap((entry) => {
      return typeof entry === "string" ? [entry] : Object.values(entry as Record<string, string>);
    });
    const plain = paths.filter((path) => !path.includes("*"));
    expect(plain.length).toBeGreaterThan(10);
    expect(plain.filter((path) => !existsSync(path))).toEqual([]);
  });

  it("exports exactly what is public", async () => {
    // the specifier is a variable so that the types of a build are not needed to check this file
    const path = "../dist/node.js";
    expect(Object.keys(await import(path)).sort()).toEqual([
      "EnvironmentError",
      "ModelError",
      "Segmenter",
      "colorize",
      "histogram",
      "overlay",
    ]);
  });
});
