/**
 * The library where a page is not the usual one: from another origin, as a classic script, under policies, in
 * service workers and worklets, and with cameras that stop.
 */
import { existsSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join } from "node:path";
import type { Browser, Page } from "puppeteer-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type * as Browsers from "../../src/browser/index.js";
import type * as Core from "../../src/index.js";
import { FIXTURE } from "../tools/command.js";
import * as drive from "./drive.js";

const PATIENCE = 60_000;

type Whole = typeof Core & typeof Browsers;

const TYPES: Readonly<Record<string, string>> = { ".js": "text/javascript", ".wasm": "application/wasm" };
const ISOLATED = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
};
/** Headers by the first folder of the address. */
const KINDS: Readonly<Record<string, Record<string, string>>> = {
  plain: {},
  isolated: ISOLATED,
  strict: { "content-security-policy": "script-src 'self' 'unsafe-inline'" },
  trusted: { ...ISOLATED, "content-security-policy": "require-trusted-types-for 'script'" },
};

const SERVICE_WORKER = `import { Segmenter } from "./dist/index.js";
onmessage = async ({ data: { model }, ports: [port] }) => {
  try {
    const { info } = await Segmenter.load(model, { threads: 2 });
    port.postMessage([info.threads, info.noThreads]);
  } catch (error) {
    port.postMessage([error.name, error.message]);
  }
};`;

const WORKLET = `import { Segmenter } from "./dist/index.js";
class Segmenting extends AudioWorkletProcessor {
  constructor({ processorOptions: { bytes } }) {
    super();
    const image = { data: new Uint8Array(64 * 48 * 3), width: 64, height: 48 };
    Segmenter.load(bytes).then(
      (segmenter) => this.port.postMessage(segmenter.segment(image).mask.length),
      (error) => this.port.postMessage(error.name + error.message),
    );
  }
  process() {}
}
registerProcessor("segmenting", Segmenting);`;

const TEXTS: Readonly<Record<string, string>> = {
  "": '<!doctype html><title>attendseg</title><script type="module" src="load.js"></script>',
  "load.js": "globalThis.load = (path) => import(path);",
  "service-worker.js": SERVICE_WORKER,
  "worklet.js": WORKLET,
};

/** Serves dist/, the fixture and the texts, below every kind; everything else is a page, as many hosts do. */
function serve(): Promise<Server> {
  const server = createServer((request, response) => {
    const [, kind, ...rest] = new URL(request.url!, "http://localhost").pathname.split("/");
    const path = rest.join("/");
    // a host that answers every address that it does not know with its page
    const isLost = path.startsWith("dist/lost/engine/");
    const headers = {
      "content-type": isLost ? "text/html" : (TYPES[extname(path)] ?? "text/html"),
      "access-control-allow-origin": "*",
      "cross-origin-resource-policy": "cross-origin",
      ...KINDS[kind!],
    };
    const content = isLost ? TEXTS[""] : path === "fixture.aseg" ? FIXTURE : (TEXTS[path] ?? readDist(path));
    if (content === undefined) response.writeHead(404, headers).end("<!doctype html>not here");
    else response.writeHead(200, headers).end(content);
  });
  return new Promise((done) => server.listen(0, "127.0.0.1", () => done(server)));
}

function readDist(path: string): Buffer | string | undefined {
  if (!path.startsWith("dist/")) return undefined;
  const file = join("dist", path.slice("dist/".length).replace("lost/", ""));
  return existsSync(file) ? readFileSync(file) : undefined;
}

const portOf = (server: Server) => (server.address() as AddressInfo).port;

for (const candidate of drive.BROWSERS) {
  describe.skipIf(!candidate.path)(
    `the library in unusual pages of ${drive.titleOf(candidate)}`,
    { timeout: PATIENCE },
    () => {
      let server: Server;
      let other: Server;
      let browser: Browser;

      beforeAll(async () => {
        server = await serve();
        other = await serve();
        browser = await drive.openBrowser(candidate);
      }, PATIENCE);

      afterAll(async () => {
        await browser?.close();
        for (const each of [server, other]) each?.close();
      });

      async function open(kind: string): Promise<Page> {
        const page = await browser.newPage();
        await page.goto(`http://127.0.0.1:${portOf(server)}/${kind}/`);
        await drive.until(() => page.evaluate(() => "load" in globalThis), "the page");
        return page;
      }

      /** What a page gets that imports a file of dist/ and runs `use` with it, or the error. */
      async function tell(
        kind: string,
        file: string,
        use: (library: Whole, argument: string) => Promise<unknown>,
        argument = "",
      ): Promise<unknown> {
        const page = await open(kind);
        try {
          const address = new URL(file, `http://127.0.0.1:${portOf(server)}/${kind}/dist/`).href;
          const library = await page.evaluateHandle(
            (path) => (globalThis as unknown as { load: (path: string) => Promise<Whole> }).load(path),
            address,
          );
          return await page.evaluate(use as never, library, argument);
        } catch (error) {
          return `${(error as Error).name}: ${(error as Error).message}`;
        } finally {
          await page.close();
        }
      }

      const away = () => `http://127.0.0.1:${portOf(other)}/plain/dist/`;

      test("from another origin: worker, threads, one file", async () => {
        const use = async (library: Whole) => {
          const segmenter = await library.AsyncSegmenter.load("fixture.aseg", { threads: 2 });
          const { mask } = await segmenter.segmentAsync(new ImageData(64, 48));
          segmenter.dispose();
          return [mask.length, segmenter.info.threads];
        };
        for (const file of ["browser.js", "attendseg.js"]) {
          expect([file, await tell("isolated", `${away()}${file}`, use)]).toEqual([file, [64 * 48, 2]]);
        }
        const core = async ({ Segmenter }: Whole) => {
          const segmenter = await Segmenter.load("fixture.aseg", { threads: 2 });
          const { mask } = segmenter.segment(new ImageData(64, 48));
          segmenter.dispose();
          return [mask.length, segmenter.info.threads, segmenter.info.noThreads ?? ""];
        };
        expect(await tell("isolated", `${away()}attendseg.js`, core)).toEqual([64 * 48, 2, ""]);
        expect(await tell("isolated", `${away()}index.js`, core)).toEqual([64 * 48, 2, ""]);
      });

      test("addresses of the workers are options", async () => {
        const use = async ({ AsyncSegmenter }: Whole, base: string) => {
          const segmenter = await AsyncSegmenter.load("fixture.aseg", {
            threads: 2,
            worker: `${base}worker.js`,
            threadWorker: "dist/thread.js",
          });
          segmenter.dispose();
          const lost = await AsyncSegmenter.load("fixture.aseg", { worker: "dist/none.js" }).catch(
            (it) => it,
          );
          return [segmenter.info.threads, lost.name, lost.message];
        };
        expect(await tell("isolated", "browser.js", use, away())).toEqual([
          2,
          "EnvironmentError",
          expect.stringContaining('pass "worker", the address'),
        ]);
        const threads = async ({ Segmenter }: Whole) => {
          const none = await Segmenter.load("fixture.aseg", { threads: 2, threadWorker: "dist/none.js" });
          const own = await Segmenter.load("fixture.aseg", {
            threads: 2,
            threadWorker: () => new Worker("dist/thread.js", { type: "module" }),
          });
          own.dispose();
          return [none.info.threads, none.info.noThreads, own.info.threads];
        };
        const [one, reason, two] = (await tell("isolated", "index.js", threads)) as [number, string, number];
        expect([one, two]).toEqual([1, 2]);
        expect(reason).toContain('pass "threadWorker"');
      });

      test("a classic script gives the global attendseg, in pages and by importScripts", async () => {
        const page = await open("isolated");
        await page.addScriptTag({ url: `${away()}attendseg.global.js` });
        const result = await page.evaluate(async (address) => {
          const { AsyncSegmenter, Segmenter } = (globalThis as unknown as { attendseg: Whole }).attendseg;
          const here = await Segmenter.load("fixture.aseg", { threads: 2 });
          const there = await AsyncSegmenter.load("fixture.aseg");
          const { mask } = await there.segmentAsync(new ImageData(64, 48));
          const { threads } = here.info;
          here.dispose();
          there.dispose();
          const text = `importScripts("${address}"); attendseg.Segmenter.load("${new URL("fixture.aseg", location.href)}").then(({ info }) => postMessage(info.threads));`;
          const worker = new Worker(URL.createObjectURL(new Blob([text])));
          const inWorker = await new Promise((done) => {
            worker.onmessage = ({ data }) => done(data);
          });
          return [threads, mask.length, inWorker];
        }, `${away()}attendseg.global.js`);
        expect(result).toEqual([2, 64 * 48, 1]);
        await page.close();
      });

      test("a policy without wasm-unsafe-eval is named with its remedy; attendseg/js runs", async () => {
        const use = async ({ Segmenter }: Whole) => (await Segmenter.load("fixture.aseg")).variant;
        expect(await tell("strict", "index.js", use)).toMatch(
          /EnvironmentError: .*'wasm-unsafe-eval'.*attendseg\/js/,
        );
        expect(await tell("strict", "js.js", use)).toBe("javascript");
      });

      test("a page instead of the engine is named", async () => {
        const use = async ({ Segmenter }: Whole) => (await Segmenter.load("fixture.aseg")).variant;
        expect(await tell("plain", "url.js", use)).toMatch(/^(relaxed|simd)$/);
        expect(await tell("plain", "lost/url.js", use)).toMatch(
          /EnvironmentError: .*engine\/scalar.wasm is an HTML page: serve the files/,
        );
      });

      test("Trusted Types: workers start through a policy of the library", async () => {
        const use = async ({ AsyncSegmenter, Segmenter }: Whole) => {
          const there = await AsyncSegmenter.load("fixture.aseg");
          const here = await Segmenter.load("fixture.aseg", { threads: 2 });
          const { threads } = here.info;
          there.dispose();
          here.dispose();
          return threads;
        };
        expect(await tell("trusted", "attendseg.js", use)).toBe(2);
      });

      test("in a service worker threads are one, and info says why", async () => {
        const page = await open("isolated");
        const answer = await page.evaluate(async () => {
          const options = { type: "module" } as const;
          const registration = await navigator.serviceWorker
            .register("service-worker.js", options)
            .catch((it) => it);
          if (registration instanceof Error) return ["none", registration.message];
          const worker = registration.installing ?? registration.waiting ?? registration.active;
          const { port1, port2 } = new MessageChannel();
          const reply = new Promise<unknown[]>((done) => {
            port1.onmessage = ({ data }) => done(data);
          });
          worker.postMessage({ model: new URL("fixture.aseg", location.href).href }, [port2]);
          return reply;
        });
        await page.close();
        // Firefox ESR has no module service workers
        if (answer[0] !== "none") expect(answer).toEqual([1, expect.stringMatching(/\w/)]);
      });

      test("in an audio worklet, which has hardly anything", async () => {
        const page = await open("isolated");
        const answer = await page.evaluate(async () => {
          const context = new OfflineAudioContext(1, 4096, 44_100);
          await context.audioWorklet.addModule("worklet.js");
          const bytes = new Uint8Array(await (await fetch("fixture.aseg")).arrayBuffer());
          const node = new AudioWorkletNode(context, "segmenting", { processorOptions: { bytes } });
          node.connect(context.destination);
          const reply = new Promise((done) => {
            node.port.onmessage = ({ data }) => done(data);
          });
          void context.startRendering();
          return Promise.race([reply, new Promise((done) => setTimeout(done, 20_000, "nothing"))]);
        });
        await page.close();
        expect(answer).toBe(64 * 48);
      });

      test("a stream ends when its camera stops, and when it is taken away", async () => {
        const use = async ({ AsyncSegmenter, segmentStream }: Whole) => {
          const canvas = document.createElement("canvas");
          const context = canvas.getContext("2d")!;
          const timer = setInterval(() => context.fillRect(0, 0, Math.random() * 99, 9), 30);
          const segmenter = await AsyncSegmenter.load("fixture.aseg");
          const counts: number[] = [];
          const endings = [
            (video: HTMLVideoElement) => {
              for (const track of (video.srcObject as MediaStream).getTracks()) track.stop();
            },
            (video: HTMLVideoElement) => {
              video.srcObject = null;
            },
          ];
          for (const end of endings) {
            const video = document.createElement("video");
            video.muted = true;
            video.srcObject = canvas.captureStream(30);
            await video.play();
            let count = 0;
            for await (const _ of segmentStream(segmenter, video)) if (++count === 3) end(video);
            counts.push(count);
          }
          clearInterval(timer);
          segmenter.dispose();
          return counts;
        };
        const counts = (await tell("plain", "browser.js", use)) as number[];
        expect(counts).toHaveLength(2);
        for (const count of counts) expect(count).toBeGreaterThanOrEqual(3);
      });

      test("an image of another window, a file, and pictures without a size", async () => {
        const use = async ({ AsyncSegmenter, Segmenter }: Whole) => {
          const frame = document.createElement("iframe");
          document.body.append(frame);
          const inside = frame.contentWindow as unknown as typeof globalThis;
          const here = await Segmenter.load("fixture.aseg");
          const there = await AsyncSegmenter.load("fixture.aseg");
          const lengths = [
            here.segment(new inside.ImageData(64, 48)).mask.length,
            (await there.segmentAsync(new inside.ImageData(64, 48))).mask.length,
          ];
          const canvas = new OffscreenCanvas(20, 10);
          canvas.getContext("2d")!.fillRect(0, 0, 9, 9);
          lengths.push((await there.segmentAsync(await canvas.convertToBlob())).mask.length);
          const picture = new Image();
          picture.src = `data:image/svg+xml,${encodeURIComponent('<svg xmlns="http://www.w3.org/2000/svg"><rect width="9" height="9"/></svg>')}`;
          await picture.decode().catch(() => {});
          const problem = await there.segmentAsync(picture).then(
            ({ mask }) => mask.length > 0 && "RangeError",
            (error) => error.name,
          );
          there.dispose();
          return [...lengths, problem];
        };
        expect(await tell("plain", "attendseg.js", use)).toEqual([3072, 3072, 200, "RangeError"]);
      });

      test("an AsyncSegmenter that is lost ends its worker", async () => {
        if (candidate.name === "firefox") return;
        const page = await open("plain");
        await page.evaluate(async () => {
          const { load } = globalThis as unknown as { load: (path: string) => Promise<Whole> };
          const { AsyncSegmenter } = await load("./dist/browser.js");
          for (let count = 0; count < 50; count++) await AsyncSegmenter.load("fixture.aseg");
        });
        const gone = async () => {
          await page.evaluate(() => (globalThis as unknown as { gc: () => void }).gc());
          return page.workers().length === 0;
        };
        await drive.until(gone, "the end of the workers");
        await page.close();
      });
    },
  );
}
