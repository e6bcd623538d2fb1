/** A folder outside the repository in which the tarball is installed, and what programs there need. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { execute, FOLDER, MAIN_BUILDS, MAIN_IMPORT, needPackage, readHashes } from "./host.js";
import type { Hashes, Job } from "./probe.js";

/** Bundlers and checkers, installed once into a folder of their own: the workspace holds the tarball alone. */
const TOOLS = ["vite@8", "webpack@5", "@arethetypeswrong/cli@0.18"];

/** One way to use the package. */
export interface Step {
  readonly name: string;
  /** @returns what to say of it when it worked */
  run(workspace: Workspace): Promise<string>;
}

export interface Workspace {
  readonly folder: string;
  readonly tarball: string;
  /** The library as installed. */
  readonly library: string;
  /** Whether the model comes with it. */
  readonly hasModel: boolean;
  /** Writes a file and returns its path. */
  write(name: string, text: string): string;
  /** Checks what a program printed against the reference, and says in a few words what agreed. */
  check(output: string): string;
}

/** Name of the package's model in `attendseg/models/*`. */
export const MODEL = "attendseg-streets.aseg";

/** Installs the tarball and nothing else; beside it lie `probe.js` and `jobs.js` for the programs. */
export async function prepare(
  folder: string,
  tarball: string,
  jobs: readonly Job[],
  reference: Hashes,
): Promise<Workspace> {
  const write = (name: string, text: string): string => {
    const path = join(folder, name);
    mkdirSync(join(path, ".."), { recursive: true });
    writeFileSync(path, text);
    return path;
  };
  write("package.json", JSON.stringify({ name: "consumer", private: true, type: "module" }));
  await execute("npm", ["install", "--no-audit", "--no-fund", "--loglevel=error", tarball], folder);
  const library = join(folder, "node_modules", "attendseg");
  const { dependencies } = JSON.parse(readFileSync(join(library, "package.json"), "utf8"));
  if (dependencies) throw new Error(`the package has dependencies: ${Object.keys(dependencies).join(", ")}`);
  write("jobs.js", `export default ${JSON.stringify(jobs)};\n`);
  await build({
    entryPoints: ["test/hosts/probe.ts"],
    outfile: join(folder, "probe.js"),
    bundle: true,
    format: "esm",
    target: "es2022",
  });
  write("main.js", mainSource());
  write("url.js", mainSource('{ name: "url", load: Segmenter.load }', "attendseg/url"));
  const expected: Record<string, string> = {};
  for (const [job, results] of Object.entries(reference)) expected[job] = Object.values(results)[0]!;
  return {
    folder,
    tarball,
    library,
    hasModel: jobs.some(({ name }) => name === "model"),
    write,
    check: (output) => check(output, expected),
  };
}

/** A program that prints the hashes of all jobs. */
function mainSource(builds = MAIN_BUILDS.join(", "), entry = "attendseg"): string {
  return `${MAIN_IMPORT.replace('"attendseg"', `"${entry}"`)}
import { probe } from "./probe.js";
import jobs from "./jobs.js";
console.log(JSON.stringify(await probe(jobs, [${builds}])));
`;
}

/** The model has no reference here: the first program that segments with it is the measure of the others. */
function check(output: string, expected: Record<string, string>): string {
  const agreed = Object.entries(readHashes(output)).map(([job, results]) => {
    for (const [name, hash] of Object.entries(results)) {
      expected[job] ??= hash;
      if (hash !== expected[job]) throw new Error(`${job}, ${name}: ${hash}, expected ${expected[job]}`);
    }
    return `${job} ${Object.keys(results).join(" ")}`;
  });
  return agreed.join(", ");
}

/** Imports a tool, e.g. "vite". */
// biome-ignore lint/suspicious/noExplicitAny: tools are installed on demand, so their types are not there
export async function importTool(name: string): Promise<any> {
  await needTools();
  const { resolve: find } = createRequire(join(FOLDER, "tools", "package.json"));
  return import(pathToFileURL(find(name)).href);
}

/** Path of a file of a tool, relative to node_modules. */
export function needTools(file = "vite/package.json"): Promise<string> {
  return needPackage("tools", TOOLS, file);
}

/** Path of a program that the repository itself depends on. */
export function ownTool(file: string): string {
  return resolve("node_modules", file);
}
