/** `attendseg page` on a plain file host, below a sub-path and without headers, then without a network. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join } from "node:path";
import type { Browser } from "puppeteer-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type * as Library from "../../src/browser/index.js";
import { FIXTURE, Workplace } from "../tools/command.js";
import * as drive from "./drive.js";

const PATIENCE = 60_000;
const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".jpg": "image/jpeg",
  ".json": "application/json",
};

/** Serves a folder below /some/path/ and counts the requests. */
async function serve(folder: string): Promise<{ server: Server; url: string; requested: string[] }> {
  const requested: string[] = [];
  const server = createServer(({ url = "/" }, response) => {
    requested.push(url);
    const path = url.replace(/^\/some\/path\/|\?.*$/g, "") || "index.html";
    const file = join(folder, path);
    if (!url.startsWith("/some/path/") || !existsSync(file)) response.writeHead(404).end();
    else
      response
        .writeHead(200, { "content-type": TYPES[extname(path)] ?? "application/octet-stream" })
        .end(readFileSync(file));
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/some/path/`;
  return { server, url, requested };
}

for (const candidate of drive.BROWSERS) {
  describe.skipIf(!candidate.path)(
    `attendseg page in ${drive.titleOf(candidate)}`,
    { timeout: PATIENCE },
    () => {
      let browser: Browser;
      let site: string;

      beforeAll(async () => {
        const place = new Workplace();
        site = join(place.folder, "site");
        const words = [join(place.package, "dist/cli.js"), "page", "-o", site, "-m", place.model, "--json"];
        const { status, stdout, stderr } = spawnSync(process.execPath, words, { encoding: "utf8" });
        expect([status, stderr]).toEqual([0, ""]);
        expect(JSON.parse(stdout).files).toContain("models/attendseg-streets.aseg");
        for (const name of ["browser.js", "worker.js"]) {
          writeFileSync(join(site, `library-${name}`), readFileSync(join("dist", name)));
        }
        browser = await drive.openBrowser(candidate);
      }, PATIENCE);

      afterAll(async () => browser?.close());

      test("segments with one thread and says why, and again without a network", async () => {
        const { server, url } = await serve(site);
        const page = await browser.newPage();
        const settled = () =>
          drive.until(async () => /^street.*\d ms\. /s.test(await drive.textOf(page, "#status")), "the mask");
        try {
          await page.goto(url);
          await settled();
          expect(await drive.textOf(page, "#threads-note")).toMatch(/Cross-Origin-Opener-Policy/);
          await drive.until(
            () =>
              page.evaluate(() =>
                navigator.serviceWorker.ready.then(({ active }) => active?.state === "activated"),
              ),
            "the service worker",
          );
        } finally {
          server.close();
          server.closeAllConnections();
        }
        await page.goto(url);
        await settled();
        await page.close();
      });

      test("models are kept whole, once, and forgotten when told", async () => {
        const { server, url, requested } = await serve(site);
        writeFileSync(join(site, "whole.aseg"), FIXTURE);
        writeFileSync(
          join(site, "damaged.aseg"),
          FIXTURE.map((byte, at) => (at === 500 ? byte ^ 1 : byte)),
        );
        writeFileSync(join(site, "empty.html"), "<!doctype html><script type=module src=load.js></script>");
        writeFileSync(join(site, "load.js"), 'globalThis.attendseg = await import("./library-browser.js");');
        const page = await browser.newPage();
        await page.goto(`${url}empty.html`);
        await drive.until(() => page.evaluate(() => "attendseg" in globalThis), "the library");
        const fetchThrice = (name: string) =>
          page.evaluate(async (address) => {
            const { fetchModel } = (globalThis as unknown as { attendseg: typeof Library }).attendseg;
            const seen: number[] = [];
            for (let time = 0; time < 3; time++) {
              const bytes = await fetchModel(address, { onProgress: (received) => seen.push(received) });
              seen.push(-bytes.length);
            }
            return seen;
          }, name);
        const count = (name: string) => requested.filter((it) => it.endsWith(name)).length;
        expect((await fetchThrice("whole.aseg")).slice(-2)).toEqual([FIXTURE.length, -FIXTURE.length]);
        expect(count("whole.aseg")).toBe(1);
        await fetchThrice("damaged.aseg");
        expect(count("damaged.aseg")).toBe(3);
        await page.evaluate(() =>
          (globalThis as unknown as { attendseg: typeof Library }).attendseg.forgetModels(),
        );
        await fetchThrice("whole.aseg");
        expect(count("whole.aseg")).toBe(2);
        await page.close();
        server.close();
        server.closeAllConnections();
      });
    },
  );
}
