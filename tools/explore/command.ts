import { spawn } from "node:child_process";
import { delimiter, join } from "node:path";
import { Command } from "commander";
import { UserError } from "../common/errors.js";
import { isFile } from "../common/files.js";
import { jsonOption } from "../common/options.js";
import { packageFolder } from "../common/package.js";

const PROGRAM = "tools/explore/explore.py";
const MODULE = "tools.explore.explore";

const EXAMPLES = `
Examples:
  attendseg explore --max-macs 1e9 --max-params 1.1e6 --max-memory 6MiB --budget 20 --data synthetic
  attendseg bench --table timings.json
  attendseg explore --data camvid --table timings.json --max-ms 30 --max-loss 0.5 --budget 200 --out run
  attendseg explore -- --help

The last one lists all options with their defaults. The same command again goes on where the last one stopped; several
at once share a run folder and the work. The search is a Python program (tools/explore), so this takes a clone of the
repository and:
  pip install -r tools/train/requirements.txt
`;

interface Options {
  readonly python: string;
  readonly json?: boolean;
}

/** `attendseg explore`: its options are those of the program in Python, which checks them. */
export function exploreCommand(): Command {
  return new Command("explore")
    .description("search for networks within limits (needs Python)")
    .argument("[options...]", "data set, limits, budget and more: see the examples")
    .allowUnknownOption()
    .option("--python <program>", "Python to run", "python3")
    .addOption(jsonOption())
    .addHelpText("after", EXAMPLES)
    .action(run);
}

async function run(words: readonly string[], { python, json }: Options): Promise<void> {
  const folder = packageFolder();
  const program = join(folder, PROGRAM);
  if (!isFile(program))
    throw new UserError(`explore needs a clone of the repository: there is no ${program}`);
  const own = ["--cli", process.argv[1]!, "--node", process.execPath, ...(json ? ["--json"] : [])];
  const { PYTHONPATH } = process.env;
  const child = spawn(python, ["-m", MODULE, ...words, ...own], {
    stdio: "inherit",
    env: { ...process.env, PYTHONPATH: PYTHONPATH ? `${folder}${delimiter}${PYTHONPATH}` : folder },
  });
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
