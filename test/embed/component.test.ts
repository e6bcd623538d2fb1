import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parseModel } from "../../src/model.js";
import { BUNDLE_VARIANTS, bundleComponent, planBundle } from "../../tools/bundle/index.js";
import { Random } from "../fixtures/random.js";
import { embed, FIXTURE, maskOf, missingModules, python, suiteName } from "./embed.js";

const missing = missingModules("wasmtime");

/** Calls a component in wasmtime with photos of several lengths; prints what it says as JSON. */
const SCRIPT = `
import json, sys
from wasmtime import Engine, Store
from wasmtime.component import Component, Linker
engine = Engine()
store = Store(engine)
instance = Linker(engine).instantiate(store, Component.from_file(engine, sys.argv[1]))
call = lambda name, *words: instance.get_func(store, name)(store, *words)
photo = open(sys.argv[2], "rb").read()
photos = [photo, photo[1:], b"", photo + b"x", photo * 40, photo]
answers = [call("segment", data) for data in photos]
print(json.dumps({
    "size": call("size"),
    "classes": call("classes"),
    "answers": [answer if isinstance(answer, str) else list(answer) for answer in answers],
}))
`;

describe.skipIf(missing)(suiteName("a component in wasmtime", missing), () => {
  test.each(BUNDLE_VARIANTS)(
    "%s: the library's mask, and an error for a photo of another size",
    async (variant) => {
      const { folder, width, height, classes } = await embed(FIXTURE, variant);
      const { bytes } = await bundleComponent(
        FIXTURE,
        planBundle(parseModel(FIXTURE), height, width),
        variant,
      );
      const [component, photo] = [join(folder, "component.wasm"), join(folder, "photo")];
      const data = new Random(8).uint8(3 * width * height);
      writeFileSync(component, bytes);
      writeFileSync(photo, data);
      const outcome = python(["-c", SCRIPT, component, photo]);
      expect([outcome.status, outcome.stderr]).toEqual([0, ""]);
      const said = JSON.parse(outcome.stdout);
      expect(said.size).toEqual([width, height]);
      expect(said.classes).toEqual(classes);
      const mask = [...(await maskOf(FIXTURE, { data, width, height }))];
      const error = `"photo" expected ${data.length} bytes: red, green, blue of ${width}x${height} pixels`;
      expect(said.answers).toEqual([mask, error, error, error, error, mask]);
    },
    60_000,
  );
});
