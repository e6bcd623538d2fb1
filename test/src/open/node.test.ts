import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, expect, it } from "vitest";
import { open } from "../../../src/open/node.js";

const folder = mkdtempSync(join(tmpdir(), "attendseg-open-"));
const path = join(folder, "a model #1 100%.aseg");
const bytes = Uint8Array.of(65, 83, 69, 71, 0, 255);
writeFileSync(path, bytes);
afterAll(() => rmSync(folder, { recursive: true }));

const read = async (address: string | URL) => new Uint8Array(await (await open(address)).arrayBuffer());

it("opens a path, a file URL and its text, whatever letters are in the name", async () => {
  const url = pathToFileURL(path);
  expect(await read(path)).toEqual(bytes);
  expect(await read(url)).toEqual(bytes);
  expect(await read(url.href)).toEqual(bytes);
});

it("tells the size, for progress", async () => {
  expect((await open(path)).headers.get("content-length")).toBe("6");
});

it("still opens web and data addresses", async () => {
  const server = createServer((_, response) => response.end("web"));
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  expect(await read(`http://127.0.0.1:${port}/`)).toEqual(Uint8Array.from(Buffer.from("web")));
  expect(await read("data:text/plain,abc")).toEqual(Uint8Array.from(Buffer.from("abc")));
  server.close();
});

it("fails where there is no file, and when told to stop", async () => {
  await expect(open(join(folder, "none"))).rejects.toThrow("no such file");
  await expect(open(path, AbortSignal.abort(new Error("enough")))).rejects.toThrow();
});
