import { spawn } from "node:child_process";
import { connect } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type RunningServer, startServer } from "../../../tools/serve/server.js";
import { expectFailure, FIXTURE, Workplace } from "../command.js";

const place = new Workplace();
const root = join(place.package, "dist/page");

const start = (options = {}) =>
  startServer({ root, models: [place.model], host: "127.0.0.1", port: 0, isolate: true, ...options });

/** The answer to a request line sent as it is: fetch would tidy the path first. */
function ask(port: string, line: string, host = "localhost"): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const socket = connect(Number(port), "127.0.0.1");
    socket.setEncoding("latin1");
    socket.on("data", (part) => {
      text += part;
    });
    socket.on("close", () => resolve(text));
    socket.on("error", reject);
    socket.write(`${line}\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
  });
}

describe("the server", () => {
  let server: RunningServer;
  beforeAll(async () => {
    server = await start();
  });
  afterAll(() => server.close());

  test("serves the page, its scripts and models with their types and strict headers", async () => {
    const types: Record<string, string> = {
      "": "text/html; charset=utf-8",
      "index.html?x=1": "text/html; charset=utf-8",
      "page.js": "text/javascript; charset=utf-8",
      "worker.js": "text/javascript; charset=utf-8",
      "page.css": "text/css; charset=utf-8",
      "icon.svg": "image/svg+xml",
      "street.jpg": "image/jpeg",
      "models.json": "application/json; charset=utf-8",
      "models/attendseg-streets.aseg": "application/octet-stream",
    };
    for (const [path, type] of Object.entries(types)) {
      const response = await fetch(server.url + path);
      const { headers } = response;
      expect([path, response.status, headers.get("content-type")]).toEqual([path, 200, type]);
      const policy = headers.get("content-security-policy");
      expect(policy).toContain("default-src 'none'; script-src 'self' 'wasm-unsafe-eval';");
      expect(policy).not.toMatch(/unsafe-(inline|eval)'(?<!wasm-unsafe-eval')|https?:|\*/);
      expect(headers.get("cross-origin-opener-policy")).toBe("same-origin");
      expect(headers.get("cross-origin-embedder-policy")).toBe("require-corp");
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect((await response.arrayBuffer()).byteLength).toBe(Number(headers.get("content-length")));
    }
  });

  test("lists the models, whose bytes are those of the files", async () => {
    const list = await (await fetch(`${server.url}models.json`)).json();
    expect(list).toEqual([{ name: "fixture", url: "models/attendseg-streets.aseg", bytes: FIXTURE.length }]);
    const bytes = await (await fetch(server.url + list[0].url)).arrayBuffer();
    expect(Buffer.from(bytes)).toEqual(Buffer.from(FIXTURE));
  });

  test("gives nothing from outside its list, however the path is written", async () => {
    const { port } = new URL(server.url);
    for (const path of [
      "/../package.json",
      "/../../package.json",
      "/%2e%2e/%2e%2e/package.json",
      "/..%2f..%2fpackage.json",
      "/models/../../package.json",
      "/models/..%5c..%5cpackage.json",
      "//etc/passwd",
      "/%00",
      "/%",
      "/page.js/",
      "/models/",
      "/toString",
      "/__proto__",
    ]) {
      expect([path, (await ask(port, `GET ${path} HTTP/1.1`)).slice(0, 12)]).toEqual([path, "HTTP/1.1 404"]);
    }
  });

  test("answers to its own names only", async () => {
    const { port } = new URL(server.url);
    const status = async (host: string) => (await ask(port, "GET /models.json HTTP/1.1", host)).slice(9, 12);
    for (const host of ["localhost", `localhost:${port}`, `127.0.0.1:${port}`, "LOCALHOST", "[::1]:80"]) {
      expect([host, await status(host)]).toEqual([host, "200"]);
    }
    for (const host of [
      "evil.example",
      `evil.example:${port}`,
      "127.0.0.1.evil.example",
      "10.0.0.1",
      "",
      "x@localhost",
    ]) {
      expect([host, await status(host)]).toEqual([host, "421"]);
    }
  });

  test("of a server for everybody, an address is a name too", async () => {
    const open = await start({ host: "0.0.0.0" });
    const { port } = new URL(open.url);
    const status = async (host: string) => (await ask(port, "GET / HTTP/1.1", host)).slice(9, 12);
    expect([await status(`127.0.0.1:${port}`), await status("evil.example")]).toEqual(["200", "421"]);
    await open.close();
  });

  test("answers HEAD without a body and refuses other methods", async () => {
    const { port } = new URL(server.url);
    const head = await ask(port, "HEAD /page.css HTTP/1.1");
    expect(head).toMatch(/^HTTP\/1\.1 200/);
    expect(head.split("\r\n\r\n")[1]).toBe("");
    for (const method of ["POST", "PUT", "DELETE", "OPTIONS"]) {
      expect(await ask(port, `${method} / HTTP/1.1`)).toMatch(/^HTTP\/1\.1 405[\s\S]*allow: GET, HEAD/i);
    }
  });

  test("without isolation sends the rest of the headers", async () => {
    const plain = await start({ isolate: false });
    const { headers } = await fetch(plain.url);
    expect(headers.get("cross-origin-opener-policy")).toBeNull();
    expect(headers.get("cross-origin-embedder-policy")).toBeNull();
    expect(headers.get("content-security-policy")).toContain("default-src 'none'");
    await plain.close();
  });
});

describe("attendseg serve", { timeout: 60_000 }, () => {
  test("says in one line what keeps it from starting", async () => {
    const server = await start();
    const { port } = new URL(server.url);
    expectFailure(
      place.run(["serve", "--port", port]),
      1,
      `attendseg: port ${port} of 127.0.0.1 is taken: choose`,
    );
    await server.close();
    expectFailure(
      place.run(["serve", "--port", "0", "--host", "192.0.2.1"]),
      1,
      "192.0.2.1 is no address of this",
    );
    expectFailure(place.run(["serve", "--port", "70000"]), 2, "Expected a number from 0 to 65535");
    expectFailure(place.run(["serve", "--model", "none.aseg"]), 1, "attendseg: none.aseg: no such file");
    place.write("bad.aseg", FIXTURE.slice(0, 200));
    expectFailure(place.run(["serve", "--model", "bad.aseg"]), 1, "attendseg: bad.aseg: ");
    expectFailure(
      place.run(["serve", "-m", place.model, place.model]),
      2,
      "two models are called attendseg-streets",
    );
  });

  test("warns where others can reach it", async () => {
    const words = ["serve", "--port", "0", "--host", "0.0.0.0"];
    const child = spawn(process.execPath, [join(place.package, "dist/cli.js"), ...words]);
    const warning = await new Promise<string>((resolve) => {
      child.stderr.once("data", (part) => resolve(String(part)));
    });
    expect(warning).toBe("attendseg: everybody who reaches 0.0.0.0 can see the page and fetch the models\n");
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGTERM");
    await ended;
  });

  test("prints its address, serves, and ends on a signal with code 0", async () => {
    const child = spawn(process.execPath, [join(place.package, "dist/cli.js"), "serve", "--port", "0"]);
    const url = await new Promise<string>((resolve) => {
      child.stdout.once("data", (part) => resolve(String(part).split("\n")[0]!));
    });
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/);
    expect(await (await fetch(url)).text()).toContain("<title>attendseg");
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGINT");
    expect(await ended).toBe(0);
  });
});
