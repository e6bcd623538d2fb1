/** Writes the sample of the demo page to the path given: the drawn street as JPEG, so that no browser has to draw it. */
import { writeFileSync } from "node:fs";
import createEncoder from "@jsquash/jpeg/codec/enc/mozjpeg_enc.js";
import encoderBytes from "@jsquash/jpeg/codec/enc/mozjpeg_enc.wasm";
import { defaultOptions } from "@jsquash/jpeg/meta.js";
import { drawStreet } from "../sample/index.js";

const QUALITY = 88;

const module = new WebAssembly.Module(encoderBytes);
const options = {
  noInitialRun: true,
  instantiateWasm(imports: WebAssembly.Imports, done: (instance: WebAssembly.Instance) => void) {
    const instance = new WebAssembly.Instance(module, imports);
    done(instance);
    return instance.exports;
  },
};
const encoder = await createEncoder(options as unknown as Parameters<typeof createEncoder>[0]);
const { data, width, height } = drawStreet();
const rgba = new Uint8ClampedArray(width * height * 4).fill(255);
for (let pixel = 0; pixel < width * height; pixel++) {
  for (let channel = 0; channel < 3; channel++) rgba[4 * pixel + channel] = data[3 * pixel + channel]!;
}
const jpeg = encoder.encode(rgba as unknown as BufferSource, width, height, {
  ...defaultOptions,
  quality: QUALITY,
});
writeFileSync(process.argv[2]!, new Uint8Array(jpeg));
