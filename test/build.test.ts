import { spawnSync } from "node:child_process";
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { brotliCompressSync } from "node:zlib";
import { afterAll, describe, expect, it } from "vitest";

/** A file of the library without the engines, which are text that begins with the magic number of a module. */
function withoutEngines(path: string): string {
  return readFileSync(path, "utf8").replace(/"AGFzb[^"]*"/g, '""');
}

describe("the built library", () => {
  it("has at most 32 kB besides the engines, 12 kB as brotli", () => {
    const code = Buffer.from(withoutEngines("dist/index.js"));
    expect(readFileSync("dist/index.js").length - code.length).toBeGreaterThan(40_000);
    expect(code.length).toBeLessThanOrEqual(32_000);
    expect(brotliCompressSync(code).length).toBeLessThanOrEqual(12_000);
  });

  it("takes at most 1 MB as brotli to the first mask, model and engines included", () => {
    const sizes = ["dist/index.js", "models/attendseg-camvid.aseg"].map((path) => {
      return brotliCompressSync(readFileSync(path)).length;
    });
    expect(sizes[0]! + sizes[1]!).toBeLessThanOrEqual(1_000_000);
  });

  it("calls no method of arrays that Hermes lacks", () => {
    expect(withoutEngines("dist/js.js")).not.toMatch(/\.(at|findLast|toSorted|toReversed|with)\(/);
  });

  it("has every file that package.json promises", () => {
    const { exports } = JSON.parse(readFileSync("package.json", "utf8"));
    const list = (entry: unknown): string[] =>
      typeof entry === "string" ? [entry] : Object.values(entry as object).flatMap(list);
    const paths = list(exports);
    const plain = paths.filter((path) => !path.includes("*"));
    expect(plain.length).toBeGreaterThan(10);
    expect(plain.filter((path) => !existsSync(path))).toEqual([]);
  });

  it.each(["node.js", "url-node.js", "js-node.js", "cjs/node.js"])(
    "has no long lines where an error may be thrown in %s, since Node prints them",
    (name) => {
      const path = JSON.stringify(pathToFileURL(resolve("dist", name)).href);
      const script = `const { Segmenter } = await import(${path}); await Segmenter.load(new Uint8Array(9));`;
      const { stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
        encoding: "utf8",
      });
      expect(stderr).toContain("ModelError");
      expect(stderr.length).toBeLessThan(2000);
    },
  );

  it("exports exactly what is public", async () => {
    // the specifier is a variable so that the types of a build are not needed to check this file
    const path = "../dist/node.js";
    expect(Object.keys(await import(path)).sort()).toEqual([
      "EnvironmentError",
      "ModelError",
      "Segmenter",
      "colorize",
      "cutout",
      "histogram",
      "overlay",
    ]);
  });
});

describe("a build", () => {
  const folder = mkdtempSync(join(tmpdir(), "attendseg-build-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  const engines = readdirSync("build").filter((name) => name.endsWith(".wasm"));
  for (const path of [
    ...[
      "package.json",
      "package-lock.json",
      "asconfig.json",
      "tsconfig.json",
      "assembly",
      "models",
      "src",
      "tools",
      "dist",
    ],
    ...[...engines, "street.jpg", "stamps"].map((name) => `build/${name}`),
  ])
    cpSync(path, join(folder, path), { recursive: true });
  symlinkSync(resolve("node_modules"), join(folder, "node_modules"), "junction");

  /** Builds, and returns the paths that it wrote. */
  function build(): string[] {
    const times = () => {
      const list = (name: string) =>
        readdirSync(join(folder, name), { recursive: true }).map((path) => `${name}/${path}`);
      const paths = ["build", "dist", "src/generated"].flatMap(list);
      return new Map(
        paths
          .map((path) => [path, statSync(join(folder, path))] as const)
          .filter(([, file]) => file.isFile()),
      );
    };
    const before = times();
    const result = spawnSync(process.execPath, ["tools/build.js"], { cwd: folder, encoding: "utf8" });
    expect(result).toMatchObject({ status: 0, stdout: "", stderr: "" });
    return [...times()]
      .filter(([path, { mtimeMs }]) => before.get(path)?.mtimeMs !== mtimeMs)
      .map(([path]) => path);
  }

  it("does nothing where nothing changed", () => {
    expect(build()).toEqual([]);
  });

  it("makes the command line anew, and no engine, where a source of the tools changed", () => {
    appendFileSync(join(folder, "tools/cli.ts"), "// changed\n");
    const made = build();
    expect(made).toContain("dist/cli.js");
    expect(made.filter((path) => path.endsWith(".wasm") || path.startsWith("src/"))).toEqual([]);
    expect(made).not.toContain("dist/index.js");
    expect(build()).toEqual([]);
  });

  it("makes anew what is missing or was changed, and removes what nothing makes", () => {
    const worker = join(folder, "dist/worker.js");
    const content = readFileSync(worker);
    rmSync(worker);
    appendFileSync(join(folder, "dist/page/page.css"), "x");
    appendFileSync(join(folder, "dist/chunks/old.js"), "x");
    expect(build()).toEqual(expect.arrayContaining(["dist/worker.js", "dist/page/page.css"]));
    expect(readFileSync(worker)).toEqual(content);
    expect(existsSync(join(folder, "dist/chunks/old.js"))).toBe(false);
  });

  it("says what is wrong with a source, and leaves what was built", () => {
    appendFileSync(join(folder, "tools/cli.ts"), "const = 1;\n");
    const result = spawnSync(process.execPath, ["tools/build.js"], { cwd: folder, encoding: "utf8" });
    expect(result).toMatchObject({ status: 1, stdout: "" });
    expect(result.stderr).toContain("tools/cli.ts");
    expect(result.stderr).not.toContain("    at ");
    expect(existsSync(join(folder, "dist/cli.js"))).toBe(true);
  });
});
