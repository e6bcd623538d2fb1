/** The package in an extension of Chromium, Manifest V3: its service worker can start no workers and import nothing. */
import { join } from "node:path";
import { build } from "esbuild";
import { launch } from "puppeteer-core";
import { Absent, findProgram } from "./host.js";
import type { Step } from "./workspace.js";

const SCRIPT = `
import { Segmenter } from "attendseg";
import model from "attendseg/models/attendseg-camvid-tiny";
const run = async () => {
  const segmenter = await Segmenter.load(model, { threads: 2 });
  const { mask } = segmenter.segment({ data: new Uint8Array(64 * 48 * 3), width: 64, height: 48 });
  const { threads, noThreads } = segmenter.info;
  return { pixels: mask.length, threads, noThreads };
};
globalThis.answer = run().catch((error) => ({ error: String(error) }));
`;

const MANIFEST = {
  manifest_version: 3,
  name: "attendseg",
  version: "1",
  background: { service_worker: "background.js", type: "module" },
  content_security_policy: { extension_pages: "script-src 'self' 'wasm-unsafe-eval'; object-src 'self'" },
};

export const EXTENSION: Step = {
  name: "manifest-v3",
  async run(workspace) {
    const executablePath = findProgram("chromium");
    if (!executablePath) throw new Absent("there is no chromium");
    workspace.write("extension/manifest.json", JSON.stringify(MANIFEST));
    const folder = join(workspace.folder, "extension");
    await build({
      stdin: { contents: SCRIPT, resolveDir: workspace.folder },
      outfile: join(folder, "background.js"),
      bundle: true,
      format: "esm",
      logLevel: "error",
    });
    const browser = await launch({
      executablePath,
      headless: true,
      pipe: true,
      enableExtensions: [folder],
      args: ["--no-sandbox", "--disable-quic", "--disable-background-networking", "--disable-sync"],
    });
    try {
      const target = await browser.waitForTarget((one) => one.url().endsWith("/background.js"));
      const worker = await target.worker();
      // its script may not have begun
      const ask = () => worker!.evaluate(() => (globalThis as unknown as { answer: unknown }).answer);
      let answer = await ask();
      for (const end = Date.now() + 30_000; !answer && Date.now() < end; answer = await ask()) {
        await new Promise((done) => setTimeout(done, 100));
      }
      if (!answer) throw new Error("the service worker says nothing");
      const { pixels, threads, noThreads } = answer as Record<string, unknown>;
      if (pixels !== 3072 || threads !== 1 || !noThreads) throw new Error(JSON.stringify(answer));
      return `one thread in a service worker of an extension: ${noThreads}`;
    } finally {
      await browser.close();
    }
  },
};
