/**
 * `npm run test:package`: packs the library, installs the tarball into a folder outside the repository and uses it
 * from there in every way that users do.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { messageOf } from "../../tools/common/errors.js";
import { BUNDLERS } from "./bundlers.js";
import { CONSUMERS } from "./consumers.js";
import { EXTENSION } from "./extension.js";
import { FRAMEWORKS } from "./frameworks.js";
import { Absent, execute, FOLDER, listJobs } from "./host.js";
import { makeJobs, referenceHashes } from "./jobs.js";
import { prepare, type Step } from "./workspace.js";

const STEPS: readonly Step[] = [...CONSUMERS, ...BUNDLERS, ...FRAMEWORKS, EXTENSION];

async function main(only: readonly string[]): Promise<number> {
  mkdirSync(FOLDER, { recursive: true });
  const folder = mkdtempSync(join(tmpdir(), "attendseg-package-"));
  let failures = 0;
  try {
    const jobs = makeJobs();
    const tarball = await pack(folder);
    const expected = referenceHashes(jobs);
    const workspace = await prepare(folder, tarball, listJobs(jobs), expected);
    for (const { name, run } of STEPS.filter((step) => only.length === 0 || only.includes(step.name))) {
      try {
        process.stdout.write(`ok      ${name}: ${await run(workspace)}\n`);
      } catch (error) {
        if (!(error instanceof Absent)) failures++;
        process.stdout.write(
          `${error instanceof Absent ? "skipped" : "FAILED "} ${name}: ${messageOf(error)}\n`,
        );
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return failures === 0 ? 0 : 1;
}

/** The tarball as npm would publish it. */
async function pack(folder: string): Promise<string> {
  const output = await execute("npm", ["pack", "--json", "--pack-destination", folder], process.cwd());
  const [{ filename, size, entryCount }] = JSON.parse(output);
  process.stdout.write(`packed  ${filename}: ${entryCount} files, ${size} bytes\n`);
  return join(folder, filename);
}

process.exitCode = await main(process.argv.slice(2));
