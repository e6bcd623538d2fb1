/** Headless Chromium and Firefox through one driver, and the demo page served as a user would serve it. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Browser, launch, type Page } from "puppeteer-core";

/** A browser that may be installed. */
export interface Candidate {
  readonly name: "chrome" | "firefox";
  readonly path: string | undefined;
}

const PATHS = {
  chrome: ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"],
  firefox: ["/usr/bin/firefox-esr", "/usr/bin/firefox"],
};

/** Both browsers; the variables CHROME and FIREFOX name other places. */
export const BROWSERS: readonly Candidate[] = (["chrome", "firefox"] as const).map((name) => {
  const given = process.env[name.toUpperCase()];
  return { name, path: [...(given ? [given] : []), ...PATHS[name]].find((path) => existsSync(path)) };
});

/** Title of a suite, which says why it is skipped. */
export function titleOf({ name, path }: Candidate): string {
  return path ? name : `${name}: not installed, looked for ${PATHS[name].join(", ")}`;
}

const CHROME_FLAGS = [
  "--no-sandbox",
  "--disable-quic",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--js-flags=--expose-gc",
];
/** Nothing of Firefox may reach the network. */
const FIREFOX_PREFERENCES = {
  "app.update.enabled": false,
  "browser.safebrowsing.downloads.enabled": false,
  "browser.safebrowsing.malware.enabled": false,
  "extensions.update.enabled": false,
  "network.captive-portal-service.enabled": false,
  "network.connectivity-service.enabled": false,
  "services.settings.server": "data:,",
};

/** Starts a browser without a window. */
export function openBrowser({ name, path }: Candidate): Promise<Browser> {
  const own = name === "chrome" ? { args: CHROME_FLAGS } : { extraPrefsFirefox: FIREFOX_PREFERENCES };
  return launch({ browser: name, executablePath: path!, headless: true, ...own });
}

/** Runs `attendseg serve` and waits for its address. */
export async function startServe(
  cli: string,
  words: readonly string[],
): Promise<{ url: string; process: ChildProcess }> {
  const child = spawn(process.execPath, [cli, "serve", "--port", "0", "--json", ...words]);
  let text = "";
  child.stdout.setEncoding("utf8");
  for await (const part of child.stdout) {
    text += part;
    if (text.trimEnd().endsWith("}")) break;
  }
  return { url: JSON.parse(text).url, process: child };
}

/** What a page may be given before its own scripts run: a camera, a record of saved files and of violations. */
export function prepare(): void {
  const violations: string[] = [];
  const saved: Blob[] = [];
  Object.assign(globalThis, { violations, saved, closedFrames: 0 });
  addEventListener("securitypolicyviolation", (event) => {
    violations.push(`${event.violatedDirective} ${event.blockedURI}`);
  });
  addEventListener("error", (event) => violations.push(`error ${event.message}`));
  addEventListener("unhandledrejection", (event) => violations.push(`rejection ${event.reason}`));

  const { close } = ImageBitmap.prototype;
  ImageBitmap.prototype.close = function () {
    (globalThis as unknown as { closedFrames: number }).closedFrames += this.width > 0 ? 1 : 0;
    close.call(this);
  };
  const createUrl = URL.createObjectURL.bind(URL);
  URL.createObjectURL = (object) => {
    if (object instanceof Blob) saved.push(object);
    return createUrl(object);
  };
  Object.defineProperty(navigator, "mediaDevices", {
    value: {
      async getUserMedia() {
        const canvas = Object.assign(document.createElement("canvas"), { width: 640, height: 480 });
        const context = canvas.getContext("2d")!;
        let frame = 0;
        setInterval(() => {
          frame++;
          for (let at = 0; at < 12; at++) {
            context.fillStyle = `hsl(${at * 30 + frame} 70% ${30 + at * 4}%)`;
            context.fillRect(((at * 97 + frame * 5) % 700) - 60, at * 40, 120, 90);
          }
        }, 25);
        return canvas.captureStream(30);
      },
    },
  });
}

/** Sets the size of a page, in pixels. Firefox 140 takes it, but not the orientation that the driver sends with it. */
export async function resize(page: Page, width: number, height: number): Promise<void> {
  await page.setViewport({ width, height }).catch((error: Error) => {
    if (!/unknown command emulation/.test(error.message)) throw error;
  });
}

/** Asks again until the answer is truthy. */
export async function until<T>(ask: () => Promise<T>, what: string, patience = 30_000): Promise<T> {
  for (const end = Date.now() + patience; ; ) {
    const answer = await ask();
    if (answer) return answer;
    if (Date.now() > end) throw new Error(`waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Text of an element. */
export function textOf(page: Page, selector: string): Promise<string> {
  return page.evaluate((it) => document.querySelector(it)?.textContent ?? "", selector);
}

/** Drops a file on the page, as if dragged there. */
export async function dropFile(page: Page, name: string, type: string, bytes: Uint8Array): Promise<void> {
  const text = Buffer.from(bytes).toString("base64");
  await page.evaluate(
    (fileName, fileType, base64) => {
      const content = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File([content], fileName, { type: fileType }));
      const event = { dataTransfer, bubbles: true, cancelable: true };
      document.body.dispatchEvent(new DragEvent("dragover", event));
      document.body.dispatchEvent(new DragEvent("drop", event));
    },
    name,
    type,
    text,
  );
}

/** Clicks a button and gives the bytes of the file that the page saves then. */
export async function saveBy(page: Page, button: string): Promise<Uint8Array> {
  await page.evaluate((it) => {
    (globalThis as unknown as { saved: Blob[] }).saved.length = 0;
    (document.querySelector(it) as HTMLButtonElement).click();
  }, button);
  const read = async () => {
    const [blob] = (globalThis as unknown as { saved: Blob[] }).saved;
    if (!blob) return "";
    const bytes = new Uint8Array(await blob.arrayBuffer());
    let text = "";
    for (const byte of bytes) text += String.fromCharCode(byte);
    return btoa(text);
  };
  return Buffer.from(await until(() => page.evaluate(read), `a file by ${button}`), "base64");
}

/** Frees what nobody needs any more, where a browser can be told to. */
async function freeMemory(page: Page): Promise<void> {
  if (!(await page.browser().version()).startsWith("Chrome")) return;
  const collect = () => (globalThis as { gc?: () => void }).gc?.();
  await page.evaluate(collect);
  for (const worker of page.workers()) {
    // one that ends meanwhile has freed its memory
    await worker.evaluate(collect).catch((error: Error) => {
      if (!/detached/.test(error.message)) throw error;
    });
  }
  const session = await page.createCDPSession();
  await session.send("Memory.simulatePressureNotification", { level: "critical" });
  await session.detach();
}

/** So long no less memory must be in use before the least counts; Chromium 150 gives video frames back within two seconds. */
const SETTLED_MILLISECONDS = 3000;
/** Memory falls where it falls by more than this. */
const MEBIBYTE = 1 << 20;

/**
 * Bytes of memory of the browser of a page once they fall no more: Chromium keeps drawn video frames in a cache of some
 * hundred megabytes, for a while or until memory is short.
 */
export async function settledMemory(page: Page): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let fell = Date.now(); Date.now() - fell < SETTLED_MILLISECONDS; ) {
    await freeMemory(page);
    const bytes = memoryOf(page.browser().process()!.pid!);
    if (bytes < least - MEBIBYTE) fell = Date.now();
    least = Math.min(least, bytes);
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  return least;
}

/** Bytes of memory of a process and all that it started, shared pages counted once; 0 where there is no /proc. */
function memoryOf(root: number): number {
  if (!existsSync("/proc/self/smaps_rollup")) return 0;
  const parents = new Map<number, number>();
  for (const name of readdirSync("/proc").filter((it) => /^\d+$/.test(it))) {
    const fields = readText(`/proc/${name}/stat`)?.split(") ")[1]?.split(" ");
    if (fields) parents.set(Number(name), Number(fields[1]));
  }
  const belongs = (id: number): boolean => id === root || (id > 1 && belongs(parents.get(id) ?? 0));
  let total = 0;
  for (const id of parents.keys()) {
    if (!belongs(id)) continue;
    const share = /^Pss:\s+(\d+) kB/m.exec(readText(`/proc/${id}/smaps_rollup`) ?? "");
    total += 1024 * Number(share?.[1] ?? 0);
  }
  return total;
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

/** Folder for screenshots, if they are wanted: the variable SCREENSHOTS. */
export function screenshotPath(name: string): string | undefined {
  const folder = process.env.SCREENSHOTS;
  return folder && join(folder, `${name}.png`);
}
