import { Command } from "commander";
import { writeOutput } from "../common/files.js";
import { jsonOption, printJson } from "../common/options.js";
import { packagedModels, pageFolder } from "../common/package.js";
import { writeSite } from "./index.js";

interface Options {
  readonly output: string;
  readonly model?: readonly string[];
  readonly json?: boolean;
}

const EXAMPLES = `
Examples:
  attendseg page -o site
  attendseg page -o site --model own.aseg

Any file host serves the folder, below any path. After the first visit by https the page works without a network and
can be installed. Threads need headers (attendseg serve sends them); without them the page uses one, and says so.
`;

/** `attendseg page` */
export function pageCommand(): Command {
  return new Command("page")
    .description("write the demo page as a folder of files for a web host")
    .requiredOption("-o, --output <folder>", "folder to write, made if missing")
    .option("-m, --model <file...>", "model files to choose from (default: those that come with attendseg)")
    .addOption(jsonOption())
    .addHelpText("after", EXAMPLES)
    .action(({ output, model, json }: Options) => {
      const files = writeSite(pageFolder(), model ?? packagedModels(), output);
      if (json) printJson({ folder: output, files });
      else writeOutput(`${output}: ${files.length} files\n`);
    });
}
