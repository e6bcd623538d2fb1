import { Command } from "commander";
import { writeOutput } from "../common/files.js";
import { jsonOption, printJson } from "../common/options.js";
import { formatMilliseconds, formatTable } from "../common/table.js";
import type { Diagnosis } from "./index.js";

const EXAMPLES = `
Examples:
  attendseg doctor
  attendseg doctor --json

The exit code is 1 if nothing can be segmented here; what is only missing for some commands is listed.
`;

/** `attendseg doctor` */
export function doctorCommand(): Command {
  return new Command("doctor")
    .description("tell what works on this machine, and what is missing for which command")
    .addOption(jsonOption())
    .addHelpText("after", EXAMPLES)
    .action(run);
}

async function run({ json }: { readonly json?: boolean }): Promise<void> {
  const { examine } = await import("./index.js");
  const diagnosis = await examine();
  if (json) printJson(diagnosis);
  else writeOutput(describe(diagnosis));
  if (diagnosis.fault !== undefined) process.exitCode = 1;
}

function describe(diagnosis: Diagnosis): string {
  const { version, node, machine, builds, variant, dotProduct, milliseconds, fault, optional } = diagnosis;
  const speed =
    milliseconds === undefined
      ? `fails: ${fault}`
      : `${formatMilliseconds(milliseconds)} (${variant}, dot product ${dotProduct})`;
  return formatTable([
    ["attendseg", version],
    ["Node", `${node} on ${machine}`],
    ...builds.map(({ name, fault }) => [`build ${name}`, fault ?? "passes its self-test"]),
    ["threads", diagnosis.noThreads ?? "possible"],
    ["street of 960x720", speed],
    ...optional.map(({ name, use, isThere }) => {
      const remedy = name === "ffmpeg" ? "not installed" : `not installed: npm install ${name}`;
      return [name, `${isThere ? "installed" : remedy} (${use})`];
    }),
  ]);
}
