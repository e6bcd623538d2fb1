/**
 * `npm run hosts`: one set of images on every host, and whether all masks are the same bytes.
 *
 * Hosts from npm and PyPI are installed into build/hosts when first needed; browsers, shells, compilers and emulators
 * come from the system, or from Debian with --install; WAMR, wazero and toywasm are built from the sources that
 * WAMR_ROOT, WAZERO_ROOT and TOYWASM_ROOT name.
 */
import { mkdirSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { messageOf } from "../../tools/common/errors.js";
import { writeOutput } from "../../tools/common/files.js";
import { formatTable } from "../../tools/common/table.js";
import { BROWSERS } from "./browsers.js";
import { compare, type Outcome, type Verdict } from "./compare.js";
import { EMBEDDED } from "./embedded.js";
import { Absent, execute, FOLDER, type Host } from "./host.js";
import { type Jobs, makeJobs, referenceHashes } from "./jobs.js";
import { RUNTIMES } from "./runtimes.js";
import { STANDALONE } from "./standalone.js";

/** What the hosts that are not from npm or PyPI come from. */
const DEBIAN = [
  ...["chromium", "firefox-esr", "webkit2gtk-driver", "xvfb", "xauth"],
  ...["libjavascriptcoregtk-4.0-bin", "wabt", "python3-venv", "cmake", "gcc"],
  ...["gcc-arm-none-eabi", "libnewlib-arm-none-eabi", "qemu-system-arm", "qemu-user-static"],
  ...["libc6-arm64-cross", "libstdc++6-arm64-cross", "libatomic1-arm64-cross"],
  ...["libc6-armhf-cross", "libstdc++6-armhf-cross", "libatomic1-armhf-cross"],
];

/** The naive reference, in this process: the test network only. */
const REFERENCE: Host = {
  name: "reference",
  async run(jobs) {
    return { version: "tools/reference", hashes: referenceHashes(jobs) };
  },
};

const HOSTS: readonly Host[] = [REFERENCE, ...RUNTIMES, ...BROWSERS, ...STANDALONE, ...EMBEDDED];

interface Options {
  readonly only?: string;
  readonly install?: boolean;
  readonly json?: boolean;
}

async function main(argv: readonly string[]): Promise<number> {
  const program = new Command("npm run hosts --")
    .description(
      "Runs the test network, and the model where it is there, on every host and compares the masks",
    )
    .option(
      "--only <names>",
      `some hosts only, separated by commas: ${HOSTS.map(({ name }) => name).join(", ")}`,
    )
    .option("--install", "install what is missing from Debian too (as root)")
    .option("--json", "print the hashes as JSON")
    .exitOverride()
    .parse(argv as string[]);
  const options: Options = program.opts();
  const hosts = chooseHosts(options.only);
  if (!hosts) return 2;
  mkdirSync(FOLDER, { recursive: true });
  if (options.install) {
    await execute("apt-get", ["update", "-q"]);
    await execute("apt-get", ["install", "-q", "-y", "--no-install-recommends", ...DEBIAN]);
  }
  const jobs = makeJobs();
  const outcomes: Outcome[] = [];
  for (const host of hosts) {
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${host.name} ...`);
    const outcome = await runHost(host, jobs);
    if (!process.stderr.isTTY) process.stderr.write(`${host.name}: ${outcome.state}\n`);
    outcomes.push(outcome);
  }
  if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
  const verdict = compare(outcomes);
  writeOutput(
    options.json
      ? `${JSON.stringify({ ...verdict, hosts: outcomes }, null, 2)}\n`
      : report(outcomes, verdict),
  );
  return verdict.good ? 0 : 1;
}

function chooseHosts(only: string | undefined): readonly Host[] | undefined {
  if (only === undefined) return HOSTS;
  const names = only.split(",");
  const unknown = names.filter((name) => !HOSTS.some((host) => host.name === name));
  if (unknown.length === 0) return HOSTS.filter(({ name }) => name === "reference" || names.includes(name));
  process.stderr.write(`--only: there is no host ${unknown.join(", ")}\n`);
  return undefined;
}

async function runHost(host: Host, jobs: Jobs): Promise<Outcome> {
  const start = performance.now();
  try {
    const run = await host.run(jobs);
    const seconds = Math.round((performance.now() - start) / 100) / 10;
    return { name: host.name, state: "ran", ...run, seconds };
  } catch (error) {
    return {
      name: host.name,
      state: error instanceof Absent ? "absent" : "failed",
      reason: messageOf(error),
    };
  }
}

/** The table for people. */
function report(outcomes: readonly Outcome[], { expected, differences }: Verdict): string {
  const jobs = Object.keys(expected);
  const rows = outcomes.flatMap((outcome) => {
    if (outcome.state !== "ran") return [];
    const { name, version, hashes, seconds } = outcome;
    const builds = [...new Set(Object.values(hashes).flatMap((results) => Object.keys(results)))];
    return [[name, version, builds.join(" "), ...jobs.map((job) => shorten(hashes[job])), seconds]];
  });
  const table = formatTable(rows, ["host", "version", "builds", ...jobs, "seconds"]);
  const lines = outcomes.flatMap((outcome) => {
    return outcome.state === "ran" ? [] : [`${outcome.name}: ${outcome.state}: ${outcome.reason}\n`];
  });
  for (const { host, job, build, hash } of differences) {
    lines.push(`${host} differs: ${job}, ${build}: ${hash}, expected ${expected[job]}\n`);
  }
  for (const job of jobs) {
    const count = rows.filter((row) => row[3 + jobs.indexOf(job)] !== "-").length;
    lines.push(`${job}: ${count} ${count === 1 ? "host" : "hosts"}, ${expected[job]}\n`);
  }
  return `${table}\n${lines.join("")}`;
}

/** The hash of a job in 12 digits, once for all builds that agree. */
function shorten(results: Readonly<Record<string, string>> | undefined): string {
  const hashes = new Set(Object.values(results ?? {}).map((hash) => hash.slice(0, 12)));
  return [...hashes].join(" ") || "-";
}

try {
  process.exitCode = await main(process.argv);
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
  else {
    process.stderr.write(`hosts: ${messageOf(error)}\n`);
    process.exitCode = 1;
  }
}
