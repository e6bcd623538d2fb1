/** `npm run bench`: installs the engines compared where they are missing, builds the benchmark, runs it. */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";

const here = import.meta.dirname;
const installed = join(here, "node_modules/.package-lock.json");
const time = (file) => statSync(file).mtimeMs;

if (!existsSync(installed) || time(installed) < time(join(here, "package-lock.json"))) {
  // Without scripts: that of onnxruntime-node would load files that its processor build does not need.
  const options = { cwd: here, stdio: ["ignore", "ignore", "inherit"], shell: process.platform === "win32" };
  execFileSync("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], options);
}
execFileSync(process.execPath, [join(here, "build.js")], { stdio: "inherit" });
const program = [join(here, "out/node/main.js"), ...process.argv.slice(2)];
const { status } = spawnSync(process.execPath, program, { stdio: "inherit" });
process.exitCode = status ?? 1;
