/** What surrounds the network: inputs of other realms, progress, signals, dispose, messages. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createContext, runInContext } from "node:vm";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { engineBytes } from "../../src/engines/inline.js";
import { EnvironmentError } from "../../src/errors.js";
import { colorize, histogram, overlay, Segmenter } from "../../src/index.js";
import { openVariant, VARIANTS, type Variant } from "../../src/variant.js";
import { writeModel } from "../../tools/convert/aseg/write.js";
import { buildFixture } from "../fixtures/fixture.js";
import { Random } from "../fixtures/random.js";

const bytes = writeModel(buildFixture());
const image = {
  data: Uint8Array.from(new Random(1).int8(64 * 48 * 3), (value) => value + 128),
  width: 64,
  height: 48,
};

/** A value made by another realm, as test environments and iframes have. */
const foreign = (expression: string, globals = {}) => runInContext(expression, createContext(globals));

describe("arrays of another realm", () => {
  it.each(["Uint8Array", "ArrayBuffer"])("a model as %s", async (kind) => {
    const model = foreign(`new Uint8Array(list)${kind === "ArrayBuffer" ? ".buffer" : ""}`, {
      list: [...bytes],
    });
    expect(model).not.toBeInstanceOf(Uint8Array);
    expect((await Segmenter.load(model)).info.fileBytes).toBe(bytes.length);
  });

  it("a model as a URL or a response of another realm", async () => {
    const segmenter = await Segmenter.load({
      ok: true,
      body: null,
      arrayBuffer: async () => bytes.buffer,
    } as never);
    expect(segmenter.info.fileBytes).toBe(bytes.length);
    const address = `data:application/octet-stream;base64,${Buffer.from(bytes).toString("base64")}`;
    const url = { href: address, toString: () => address } as URL;
    expect((await Segmenter.load(url)).info.fileBytes).toBe(bytes.length);
  });

  it.each(["Uint8Array", "Uint8ClampedArray"])("an image and its mask as %s", async (kind) => {
    const segmenter = await Segmenter.load(bytes);
    const expected = segmenter.segment(image).mask;
    const data = foreign(`new ${kind}(list)`, { list: [...image.data] });
    const out = foreign(`new ${kind}(64 * 48)`);
    expect([...segmenter.segment({ ...image, data }).mask]).toEqual([...expected]);
    segmenter.segment({ ...image, data: Buffer.from(image.data) }, { out });
    expect([...out]).toEqual([...expected]);
    expect([...histogram(out, 5)]).toEqual([...histogram(expected, 5)]);
  });
});

describe("dispose", () => {
  it.each([1, 2])("between two steps of %i threads ends them with an error", async (threads) => {
    const segmenter = await Segmenter.load(bytes, { threads });
    expect(segmenter.info.threads).toBe(threads);
    const steps = segmenter.steps(image);
    steps.next();
    steps.next();
    segmenter.dispose();
    expect(() => steps.next()).toThrow("the segmenter is disposed");
  });
});

describe("progress", () => {
  it.each([true, false])("is never above what is expected; compressed: %s", async (compressed) => {
    const body = compressed ? gzipSync(bytes) : bytes;
    const server = createServer((_, response) => {
      const encoding = compressed ? { "content-encoding": "gzip" } : {};
      response.writeHead(200, { ...encoding, "content-length": body.length }).end(body);
    });
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    const seen: [number, number][] = [];
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    await Segmenter.load(address, { onProgress: (...step) => seen.push(step) });
    server.close();
    expect(seen[seen.length - 1]).toEqual([bytes.length, compressed ? 0 : bytes.length]);
    expect(seen.every(([received, expected]) => expected === 0 || received <= expected)).toBe(true);
  });
});

describe("a signal", () => {
  const signal = AbortSignal.abort(new Error("enough"));

  it("ends the load of bytes, of an address and of a response", async () => {
    for (const source of [bytes, "https://example.invalid/", new Response(bytes.slice())]) {
      await expect(Segmenter.load(source, { signal })).rejects.toBe(signal.reason);
    }
  });

  it("ends a response while it arrives", async () => {
    const controller = new AbortController();
    let cancelled = false;
    const body = new ReadableStream({
      pull: (stream) => stream.enqueue(bytes.slice(0, 10)),
      cancel: () => {
        cancelled = true;
      },
    });
    const loading = Segmenter.load(new Response(body), {
      signal: controller.signal,
      onProgress: () => controller.abort(signal.reason),
    });
    await expect(loading).rejects.toBe(signal.reason);
    expect(cancelled).toBe(true);
  });
});

describe("messages", () => {
  it.each([
    ["a canvas", { getContext: () => {}, width: 1, height: 1 }],
    ["a bitmap", { close: () => {}, width: 1, height: 1 }],
    ["a file", new Blob()],
    ["nothing", null],
  ])("%s is no image of the core", async (_, given) => {
    const segmenter = await Segmenter.load(bytes);
    expect(() => segmenter.segment(given as never)).toThrow(
      /"image" expected \{ data, width, height \} \(attendseg\/browser takes more\)/,
    );
  });

  it("levels that are no bytes are named", async () => {
    const segmenter = await Segmenter.load(bytes);
    const floats = { data: new Float32Array(12), width: 2, height: 2 };
    expect(() => segmenter.segment(floats as never)).toThrow(
      '"image.data" expected a Uint8Array (8 bits), got Float32Array',
    );
  });

  it("an address is cut", async () => {
    const error = await Segmenter.load(`data:;base64,${"A".repeat(100_001)}`).catch((it) => it);
    expect(error).toBeInstanceOf(EnvironmentError);
    expect(error.message.length).toBeLessThan(300);
    expect(error.message).toContain("data:;base64,AAAA");
  });

  it.each([
    "Refused to compile or instantiate WebAssembly module because 'unsafe-eval' is not an allowed source of script",
    "call to WebAssembly.compile() blocked by CSP",
  ])("a policy that forbids WebAssembly gets the remedy: %s", async (said) => {
    const opening = openVariant(undefined, async () => {
      throw new WebAssembly.CompileError(said);
    });
    await expect(opening).rejects.toThrow(EnvironmentError);
    await expect(opening).rejects.toThrow(/'wasm-unsafe-eval'.*attendseg\/js/);
  });

  it("no memory is a matter of the host", async () => {
    const opening = Segmenter.load(bytes, { width: 4096, height: 4096 });
    const { grow } = WebAssembly.Memory.prototype;
    WebAssembly.Memory.prototype.grow = () => {
      throw new RangeError("WebAssembly.Memory.grow(): Unable to grow instance memory");
    };
    await expect(
      opening.finally(() => Object.assign(WebAssembly.Memory.prototype, { grow })),
    ).rejects.toThrow(
      new EnvironmentError("out of memory: WebAssembly.Memory.grow(): Unable to grow instance memory"),
    );
  });

  it("masks and palettes that are none", async () => {
    const segmenter = await Segmenter.load(bytes);
    const result = segmenter.segment(image);
    expect(() => histogram(result as never, 5)).toThrow(
      '"mask" expected a Uint8Array (8 bits), got Object: pass its mask',
    );
    expect(() => histogram(result.mask, undefined as never)).toThrow('"classCount" expected a number');
    expect(() => colorize(result as never, segmenter.palette)).toThrow(": pass its mask");
    expect(() => colorize(result.mask, undefined as never)).toThrow('"palette" expected segmenter.palette');
    expect(() => overlay(image, result as never, segmenter.palette)).toThrow(": pass its mask");
    expect(() => overlay(image, result.mask, segmenter as never)).toThrow('"palette" expected');
    expect([...colorize(Uint8Array.of(1, 255), segmenter.palette)]).toEqual([
      ...segmenter.palette[1]!,
      0,
      0,
      0,
    ]);
  });
});

it("frameworks that wrap objects in proxies leave it alone", async () => {
  // Vue's mark
  expect((await Segmenter.load(bytes)).__v_skip).toBe(true);
});

describe("the dot product of a host", () => {
  const loads = (variant: Variant) => WebAssembly.validate(engineBytes(variant));

  it.each(VARIANTS.filter(loads))("%s: what its self-test finds", async (variant) => {
    const { info } = await Segmenter.load(bytes, { variant });
    if (variant !== "relaxed") expect(info.dotProduct).toBe("plain");
    else expect(info.dotProduct).toMatch(/^relaxed(-add-(un)?signed)?$/);
  });
});
