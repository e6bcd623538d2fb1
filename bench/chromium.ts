/** Runs engines in Chromium, each in a context of its own and so in a renderer process of its own. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Browser, type BrowserContext, type CDPSession, chromium, type Page } from "playwright-core";
import type { Spec } from "./engines/engine.js";
import type { PageBench } from "./page/runner.js";
import { type BenchHost, inTime, type Runner } from "./runner.js";
import { serve } from "./server.js";

const SITE = join(import.meta.dirname, "../site");
const PLACES = [
  process.env.CHROMIUM ?? "",
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
];
const QUIET = [
  "--no-sandbox",
  "--disable-quic",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-renderer-backgrounding",
  "--disable-backgrounding-occluded-windows",
  "--disable-background-timer-throttling",
];

/** Page and files that belong to the measurement, not to an engine. */
const OWN = new Set(["/runner.html", "/runner.js", "/favicon.ico"]);

/** @throws Error where no Chromium is installed or it does not start; the variable CHROMIUM names another place */
export async function chromiumHost(): Promise<BenchHost> {
  const executablePath = PLACES.find((path) => path !== "" && existsSync(path));
  if (!executablePath) throw new Error("no Chromium found, install it or set CHROMIUM to its program");
  const browser = await chromium.launch({ executablePath, args: QUIET });
  const processes = await browser.newBrowserCDPSession();
  const files = new Map<string, Set<string>>();
  let current = new Set<string>();
  const server = await serve(SITE, (path) => {
    if (!OWN.has(path) && !path.endsWith(".rgb")) current.add(path);
  });
  return {
    name: "chromium",
    version: `Chromium ${browser.version()}`,
    async open(spec) {
      const runner = new PageRunner(spec, browser, processes, server.url, (seen) => {
        if (!files.has(spec.name)) files.set(spec.name, new Set());
        for (const path of seen) files.get(spec.name)!.add(path);
      });
      runner.onVisit = () => {
        current = new Set();
        return current;
      };
      return runner;
    },
    async roofline(variant, passes) {
      const page = await browser.newPage();
      try {
        await page.goto(`${server.url}runner.html`);
        const wanted = [variant, passes] as const;
        return await inTime(page.evaluate(([name, count]) => window.bench.roofline(name, count), wanted));
      } finally {
        await page.context().close();
      }
    },
    filesOf: (spec) => [...(files.get(spec.name) ?? [])],
    async close() {
      await browser.close();
      await server.close();
    },
  };
}

class PageRunner implements Runner {
  readonly spec: Spec;
  onVisit: () => Set<string> = () => new Set();
  #context: BrowserContext | undefined;
  #page: Page | undefined;
  #process = 0;

  constructor(
    spec: Spec,
    private readonly browser: Browser,
    private readonly processes: CDPSession,
    private readonly url: string,
    private readonly report: (seen: Set<string>) => void,
  ) {
    this.spec = spec;
  }

  /** Visits the page anew, in the same context, so with its cache. */
  async load() {
    if (!this.#page) {
      this.#context = await this.browser.newContext();
      this.#page = await this.#context.newPage();
      this.#page.setDefaultTimeout(120_000);
      await this.#page.goto(`${this.url}runner.html`);
    }
    const page = this.#page;
    const seen = this.onVisit();
    await page.goto(`${this.url}runner.html`);
    const times = await this.#ask((bench, spec) => bench.load(spec));
    this.report(seen);
    const mask = new Uint8Array(Buffer.from(await this.#ask((bench) => bench.mask()), "base64"));
    this.#process = await this.#findProcess();
    return { ...times, mask };
  }

  /** The renderer that works while the page is made to work, and no other; 0 where others never rest. */
  async #findProcess(): Promise<number> {
    const { processInfo } = await this.processes.send("SystemInfo.getProcessInfo");
    const ids = processInfo.filter(({ type }) => type === "renderer").map(({ id }) => id);
    for (let attempt = 0; attempt < 100; attempt++) {
      const before = ids.map(cpuTime);
      await this.#ask(() => {
        for (const end = performance.now() + 50; performance.now() < end; );
      });
      const used = ids.map((id, index) => cpuTime(id) - before[index]!);
      const [most = 0, second = 0] = [...used].sort((one, other) => other - one);
      if (most > 20 && most > 3 * second) return ids[used.indexOf(most)]!;
    }
    return 0;
  }

  async run() {
    const before = cpuTime(this.#process);
    const { wall, count } = await this.#ask((bench, spec) => bench.run(spec));
    return { wall, cpu: (cpuTime(this.#process) - before) / count };
  }

  async linearBytes() {
    return this.#ask((bench) => bench.linearBytes());
  }

  async hash(images: readonly string[]) {
    return this.#ask((bench, _, names) => bench.hash(names), images);
  }

  async close() {
    await this.#context?.close();
    this.#context = undefined;
    this.#page = undefined;
  }

  async #ask<T, U = undefined>(
    action: (bench: PageBench, spec: Spec, value: U) => T | Promise<T>,
    value?: U,
  ): Promise<T> {
    try {
      const text = `(${action})(window.bench, ${JSON.stringify(this.spec)}, ${JSON.stringify(value)})`;
      return (await inTime(this.#page!.evaluate(text))) as T;
    } catch (error) {
      throw new Error(`${this.spec.name} in Chromium: ${(error as Error).message}`);
    }
  }
}

/** CPU time of all threads of a process in milliseconds; NaN where the system does not tell (it is Linux that does). */
function cpuTime(id: number): number {
  try {
    let nanoseconds = 0;
    for (const thread of readdirSync(`/proc/${id}/task`)) {
      nanoseconds += Number(readFileSync(`/proc/${id}/task/${thread}/schedstat`, "utf8").split(" ")[0]);
    }
    return nanoseconds / 1e6;
  } catch {
    return Number.NaN;
  }
}
