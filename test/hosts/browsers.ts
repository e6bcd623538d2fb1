/**
 * Browsers: each opens one page on 127.0.0.1, which runs the jobs and posts the hashes back. No driver is needed.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  Absent,
  bundleProgram,
  execute,
  type Host,
  listJobs,
  MAIN_BUILDS,
  MAIN_IMPORT,
  needProgram,
  programSource,
  readHashes,
} from "./host.js";
import type { Jobs } from "./jobs.js";
import { debianVersion } from "./runtimes.js";

/** A page may take this long, milliseconds. */
const PATIENCE = 300_000;

const PAGE = '<!doctype html><title>hosts</title><script type="module" src="program.js"></script>';

/** Nothing of these may reach the network. */
const FIREFOX_PREFERENCES = {
  "app.update.enabled": false,
  "browser.aboutwelcome.enabled": false,
  "browser.safebrowsing.downloads.enabled": false,
  "browser.safebrowsing.malware.enabled": false,
  "browser.safebrowsing.phishing.enabled": false,
  "browser.shell.checkDefaultBrowser": false,
  "browser.startup.page": 0,
  "datareporting.policy.dataSubmissionEnabled": false,
  "extensions.update.enabled": false,
  "network.captive-portal-service.enabled": false,
  "network.connectivity-service.enabled": false,
  "services.settings.server": "data:,",
  "toolkit.telemetry.reportingpolicy.firstRun": false,
};

const chromium: Host = {
  name: "chromium",
  async run(jobs) {
    const program = needProgram("chromium", "chromium");
    const quiet = ["quic", "background-networking", "component-update", "sync", "gpu"].map(
      (it) => `--disable-${it}`,
    );
    const flags = [
      "--headless",
      "--no-first-run",
      ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
      ...quiet,
    ];
    const version = (await execute(program, ["--version"])).match(/[\d.]+/)![0];
    return openPage(jobs, version, (address, folder) => [
      program,
      ...flags,
      `--user-data-dir=${folder}`,
      address,
    ]);
  },
};

const firefox: Host = {
  name: "firefox",
  async run(jobs) {
    const program = needProgram("firefox-esr", "firefox-esr");
    const version = (await execute(program, ["--version"])).match(/[\d.]+\S*/)![0];
    return openPage(jobs, version, (address, folder) => {
      const lines = Object.entries(FIREFOX_PREFERENCES).map(([name, value]) => {
        return `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});\n`;
      });
      writeFileSync(join(folder, "user.js"), lines.join(""));
      return [program, "--headless", "--no-remote", "--profile", folder, address];
    });
  },
};

const webkit: Host = {
  name: "webkit",
  async run(jobs) {
    const xvfb = needProgram("xvfb-run", "xvfb xauth");
    const program = findMiniBrowser();
    if (!program)
      throw new Absent("there is no MiniBrowser: apt-get install webkit2gtk-driver, or --install");
    const version = await debianVersion("webkit2gtk-driver");
    return openPage(jobs, version, (address) => [xvfb, "--auto-servernum", program, "--private", address]);
  },
};

/** WebKitGTK keeps its test browser beside its library. */
function findMiniBrowser(): string | undefined {
  const root = `/usr/lib/${process.arch === "arm64" ? "aarch64" : "x86_64"}-linux-gnu`;
  if (!existsSync(root)) return undefined;
  const folders = readdirSync(root).filter((name) => /^webkit(2)?gtk-/.test(name));
  return folders.map((name) => join(root, name, "MiniBrowser")).find((path) => existsSync(path));
}

/** Runs a browser on the page until it posts its hashes. */
async function openPage(jobs: Jobs, version: string, command: (address: string, folder: string) => string[]) {
  const builds = [
    ...MAIN_BUILDS,
    '{ name: "url", load: Url.load }',
    '{ name: "javascript", load: (model) => Javascript.load(model) }',
  ];
  const imports = `${MAIN_IMPORT}
    import { Segmenter as Url } from "attendseg/url";
    import { Segmenter as Javascript } from "attendseg/js";
    const post = (body) => fetch("result", { method: "POST", body });`;
  const source = programSource(builds, "post, (error) => post(String(error))", imports);
  const program = await bundleProgram("page.js", source, listJobs(jobs), { conditions: ["browser"] });
  const { server, result } = await servePage(program);
  const folder = mkdtempSync(join(tmpdir(), "attendseg-browser-"));
  const [file, ...args] = command(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`, folder);
  const environment = { ...process.env, HOME: folder, LIBGL_ALWAYS_SOFTWARE: "1" };
  const browser = spawn(file!, args, { stdio: "ignore", detached: true, env: environment });
  let timer: NodeJS.Timeout | undefined;
  try {
    const line = await Promise.race([
      result,
      new Promise<never>((_, fail) => {
        browser.once("exit", (code) =>
          fail(new Error(`the browser ended with ${code} before the page had run`)),
        );
        timer = setTimeout(() => fail(new Error(`no answer after ${PATIENCE / 1000} s`)), PATIENCE);
      }),
    ]);
    if (!line.startsWith("{")) throw new Error(line);
    return { version, hashes: readHashes(line) };
  } finally {
    clearTimeout(timer);
    server.close();
    server.closeAllConnections();
    if (browser.pid && browser.exitCode === null) process.kill(-browser.pid, "SIGKILL");
    await new Promise((done) => setTimeout(done, 500));
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** A server for the page, its program and the engine, and what is posted to it. */
async function servePage(program: string): Promise<{ server: Server; result: Promise<string> }> {
  let report: (line: string) => void = () => {};
  const result = new Promise<string>((done) => {
    report = done;
  });
  const server = createServer(async (request, response) => {
    const answer = (type: string, body: string | Uint8Array) => {
      response.writeHead(200, { "content-type": type });
      response.end(body);
    };
    const path = request.url ?? "/";
    const engine = path.match(/^\/engine\/(simd|scalar)\.wasm$/);
    if (path === "/") answer("text/html; charset=utf-8", PAGE);
    else if (path === "/program.js") answer("text/javascript", readFileSync(program));
    else if (engine) answer("application/wasm", readFileSync(`dist${path}`));
    else if (path === "/result" && request.method === "POST") {
      const parts: Buffer[] = [];
      for await (const part of request) parts.push(part);
      answer("text/plain", "");
      report(Buffer.concat(parts).toString());
    } else {
      response.writeHead(404);
      response.end();
    }
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return { server, result };
}

export const BROWSERS: readonly Host[] = [chromium, firefox, webkit];
