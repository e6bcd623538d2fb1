/** What a host of the matrix is, and how its programs are built, installed and run. */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { delimiter, join, resolve } from "node:path";
import { type BuildOptions, build } from "esbuild";
import type { Jobs } from "./jobs.js";
import type { Hashes } from "./probe.js";

/** Where hosts are installed and their programs written; ignored by git. */
export const FOLDER = resolve("build/hosts");

/** A run may take this long, milliseconds. */
const PATIENCE = 600_000;

export interface Host {
  /** As `--only` takes it, e.g. "node-20". */
  readonly name: string;
  /**
   * Runs the jobs it can.
   *
   * @throws Absent if it is not there, any other error if it fails
   */
  run(jobs: Jobs): Promise<Run>;
}

export interface Run {
  readonly version: string;
  readonly hashes: Hashes;
}

/** A host that is not on this machine; the message says why. */
export class Absent extends Error {}

/**
 * Runs a program.
 *
 * @param input what it reads from standard input
 * @returns what it wrote to standard output
 * @throws an error with the last lines it wrote, unless it ends with 0
 */
export function execute(file: string, args: readonly string[], cwd = FOLDER, input = ""): Promise<string> {
  return new Promise((done, fail) => {
    const options = { cwd, timeout: PATIENCE, maxBuffer: 1 << 28 };
    const child = execFile(file, args, options, (error, stdout, stderr) => {
      if (!error) done(stdout);
      else fail(new Error(`${file} failed: ${lastLines(stderr || stdout || error.message)}`));
    });
    child.stdin?.on("error", () => {});
    child.stdin?.end(input);
  });
}

function lastLines(text: string): string {
  return text.trim().split("\n").slice(-4).join(" | ").slice(0, 600);
}

/** Path of a program, if it is installed. */
export function findProgram(name: string): string | undefined {
  const folders = (process.env.PATH ?? "").split(delimiter);
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

/**
 * Path of a program of the system.
 *
 * @param packageName of Debian, for the message
 * @throws Absent
 */
export function needProgram(name: string, packageName: string): string {
  const path = findProgram(name);
  if (!path) throw new Absent(`there is no ${name}: apt-get install ${packageName}, or --install`);
  return path;
}

/**
 * Installs npm packages into a folder of their own, once.
 *
 * @param file of the packages that is needed, relative to node_modules
 * @returns the path of that file
 * @throws Absent if the registry does not have it or cannot be reached
 */
export async function needPackage(name: string, specs: readonly string[], file: string): Promise<string> {
  const folder = join(FOLDER, name);
  const path = join(folder, "node_modules", file);
  if (existsSync(path)) return path;
  mkdirSync(folder, { recursive: true });
  const args = ["install", "--prefix", folder, "--no-save", "--no-audit", "--no-fund", "--loglevel=error"];
  try {
    await execute("npm", [...args, ...specs]);
  } catch (error) {
    throw new Absent(`npm cannot install ${specs.join(" ")}: ${(error as Error).message}`);
  }
  if (!existsSync(path)) throw new Absent(`npm package ${specs[0]} has no ${file} for this machine`);
  return path;
}

/**
 * An environment of Python with packages of PyPI, made once.
 *
 * @returns the folder of its programs
 * @throws Absent if the packages cannot be had
 */
export async function needVenv(name: string, packages: readonly string[]): Promise<string> {
  const folder = join(FOLDER, name);
  const bin = join(folder, "bin");
  if (existsSync(join(folder, "ready"))) return bin;
  mkdirSync(FOLDER, { recursive: true });
  const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
  try {
    await execute(needProgram("python3", "python3-venv"), ["-m", "venv", folder]);
    await execute(join(bin, "python"), [...pip, ...packages]);
  } catch (error) {
    throw new Absent(`PyPI: ${(error as Error).message}`);
  }
  writeFileSync(join(folder, "ready"), "");
  return bin;
}

/**
 * The folder of sources that an environment variable names.
 *
 * @param address where they are to be had, for the message
 * @throws Absent
 */
export function needSources(variable: string, address: string): string {
  const folder = process.env[variable];
  if (!folder || !existsSync(folder))
    throw new Absent(`${variable} names no folder of the sources of ${address}`);
  return resolve(folder);
}

/**
 * Bundles a program for a host; `attendseg` in it is the library as built, found through the package's own exports.
 *
 * @param source JavaScript; `./probe.js` and "jobs" (the data) can be imported
 * @param name of the file below FOLDER
 * @returns its path
 */
export async function bundleProgram(
  name: string,
  source: string,
  jobs: readonly unknown[],
  options: BuildOptions = {},
): Promise<string> {
  const outfile = join(FOLDER, name);
  await build({
    stdin: { contents: source, resolveDir: resolve("test/hosts"), sourcefile: name },
    outfile,
    bundle: true,
    format: "esm",
    target: "es2022",
    external: ["node:*"],
    logLevel: "warning",
    // scripts that are no modules have no address; only threads would ask for it
    logOverride: { "empty-import-meta": "silent" },
    plugins: [
      {
        name: "jobs",
        setup({ onResolve, onLoad }) {
          onResolve({ filter: /^jobs$/ }, () => ({ path: "jobs", namespace: "jobs" }));
          onLoad({ filter: /.*/, namespace: "jobs" }, () => {
            return { contents: JSON.stringify(jobs), loader: "json" };
          });
        },
      },
    ],
    ...options,
  });
  return outfile;
}

/** Jobs as a list, the quick ones first. */
export function listJobs({ fixture, sizes, probabilities, model }: Jobs) {
  return [fixture, sizes, probabilities, ...(model ? [model] : [])];
}

/** The hashes that a program wrote as its last line. */
export function readHashes(output: string): Hashes {
  return JSON.parse(output.trim().split("\n").at(-1)!);
}

/** Source of a program that runs builds of the library and hands the hashes to `report`, an expression. */
export function programSource(builds: readonly string[], report: string, imports = ""): string {
  return `
    import { probe, provideAtob } from "./probe.js";
    import jobs from "jobs";
    ${imports}
    provideAtob();
    export const result = probe(jobs, [${builds.join(", ")}]).then(JSON.stringify).then(${report});
  `;
}

/** The usual builds, for `programSource`: variants of the package's main entry, and the one that it chooses itself. */
export const MAIN_BUILDS = [
  '{ name: "chosen", load: Segmenter.load }',
  '{ name: "simd", load: Segmenter.load, variant: "simd" }',
  '{ name: "scalar", load: Segmenter.load, variant: "scalar" }',
];
export const MAIN_IMPORT = 'import { Segmenter } from "attendseg";';
