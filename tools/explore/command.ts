import { spawn } from "node:child_process";
import { join } from "node:path";
import { Command } from "commander";
import { UserError } from "../common/errors.js";
import { isFile } from "../common/files.js";
import { packageFolder } from "../common/package.js";

const PROGRAM = "tools/explore/explore.py";
const MODULE = "tools.explore.explore";

const EXAMPLES = `
Examples:
  attendseg explore --max-macs 1e9 --max-params 1.1e6 --max-memory 6MiB --budget 20 --data synthetic
  attendseg bench --table timings.json
  attendseg explore --data camvid --table timings.json --max-ms 30 --max-loss 0.5 --budget 200 --out run

The same command again goes on where the last one stopped; several at once share a run folder and the work. The search
is a Python program (tools/explore), so this takes a clone of the repository and:
  pip install -r tools/train/requirements.txt
`;

/** Every option takes a value; the program in Python checks them. */
const OPTIONS = [
  [
    "--data <folder>",
    'data set in CamVid\'s layout, or "synthetic" (default): drawn streets, to try the search',
  ],
  ["--out <folder>", "run folder: result.json, table.md, pareto.png, candidates (default: out/explore)"],
  ["--budget <n>", "networks to evaluate in all (default: 20)"],
  ["--max-params <n>", "most parameters, such as 1.1e6"],
  ["--max-macs <n>", "most multiply-accumulates a frame, such as 1e9"],
  ["--max-memory <bytes>", "most linear memory, such as 6MiB"],
  ["--max-ms <ms>", "most predicted milliseconds a frame (needs --table)"],
  ["--min-accuracy <share>", "least accuracy after the short training, 0 to 1"],
  ["--max-loss <points>", "most points of accuracy below the prototype's, trained as long"],
  ["--objective <name>", "what to look for: netscore (default), speed, accuracy"],
  ["--table <file>", "timings of this machine, from attendseg bench --table"],
  ["--size <WxH>", "input size that costs are counted at (default: 512x512)"],
  ["--prototype <file>", "architecture to start from (default: the shipped model's)"],
  ["--split <file>", "split whose validation frames are never used (default: the shipped model's)"],
  ["--cache <folder>", "where decoded frames are kept"],
  ["--steps <n>", "steps of the short training"],
  ["--base-steps <n>", "steps of the prototype's longer training at the start"],
  ["--seed <n>", "seed of everything random (default: 1)"],
  ["--threads <n>", "CPU threads of PyTorch (default: 1)"],
] as const;

/** `attendseg explore` */
export function exploreCommand(): Command {
  const command = new Command("explore").description("search for networks within limits (needs Python)");
  for (const [flags, description] of OPTIONS) command.option(flags, description);
  return command
    .option("--plain", "draw changes evenly: learn nothing about which ones help")
    .option("--json", "print one JSON object instead of text")
    .option("--python <program>", "Python to run", "python3")
    .addHelpText("after", EXAMPLES)
    .action(run);
}

async function run({
  python,
  ...options
}: Record<string, string | true> & { python: string }): Promise<void> {
  const program = join(packageFolder(), PROGRAM);
  if (!isFile(program))
    throw new UserError(`explore needs a clone of the repository: there is no ${program}`);
  const words = Object.entries(options).flatMap(([name, value]) => {
    const flag = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    return value === true ? [flag] : [flag, value];
  });
  const cli = ["--cli", process.argv[1]!, "--node", process.execPath];
  const env = { ...process.env, PYTHONPATH: packageFolder() };
  const child = spawn(python, ["-m", MODULE, ...words, ...cli], { stdio: "inherit", env });
  const ignore = () => {}; // an interrupt reaches the program too, which ends by itself
  process.on("SIGINT", ignore);
  process.exitCode = await new Promise<number>((resolve, reject) => {
    child.once("error", () => {
      reject(
        new UserError(
          `${python} was not found: install Python 3, then pip install -r tools/train/requirements.txt`,
        ),
      );
    });
    child.once("close", (code) => resolve(code ?? 1));
  });
  process.off("SIGINT", ignore);
}
