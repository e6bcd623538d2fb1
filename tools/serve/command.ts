import { Command } from "commander";
import { writeError, writeOutput } from "../common/files.js";
import { jsonOption, printJson, wholeWithin } from "../common/options.js";
import { packagedModels, pageFolder } from "../common/package.js";
import { oneLine } from "../common/text.js";
import { isLoopback, startServer } from "./server.js";

interface Options {
  readonly port: number;
  readonly host: string;
  readonly isolate: boolean;
  readonly model?: readonly string[];
  readonly json?: boolean;
}

const PORT = 8417;

const EXAMPLES = `
Examples:
  attendseg serve
  attendseg serve --port 0 --model own.aseg --model other.aseg

The page segments photos, videos and the camera in the browser; nothing is sent anywhere. Threads need the headers
COOP and COEP, which are sent unless --no-isolate is given. A browser allows the camera, and threads, only on
localhost or by https.
`;

/** `attendseg serve` */
export function serveCommand(): Command {
  return new Command("serve")
    .description("show the demo page in a browser: photos, videos, camera")
    .option("-p, --port <number>", "port, 0 for any free one", wholeWithin(0, 65535), PORT)
    .option("--host <address>", "address to listen on", "127.0.0.1")
    .option("--no-isolate", "do not send the headers that threads need (COOP, COEP)")
    .option("-m, --model <file...>", "model files to choose from (default: those that come with attendseg)")
    .addOption(jsonOption())
    .addHelpText("after", EXAMPLES)
    .action(run);
}

async function run({ port, host, isolate, model, json }: Options): Promise<void> {
  const models = model ?? packagedModels();
  const server = await startServer({ root: pageFolder(), models, host, port, isolate });
  if (!isLoopback(host)) {
    writeError(`attendseg: everybody who reaches ${oneLine(host)} can see the page and fetch the models\n`);
  }
  if (json) printJson({ url: server.url, isolated: isolate, models: server.models });
  else writeOutput(`${server.url}\nCtrl+C ends it.\n`);
  await new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => resolve());
  });
  await server.close();
}
