/** Bytes that have to be loaded before the first mask. */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

/** Sums over files, each compressed on its own as a server does. */
export interface Bytes {
  readonly raw: number;
  readonly gzip: number;
  readonly brotli: number;
}

/**
 * Adds up files. Compressed sizes are kept in `cache` by hash, since the best brotli takes a minute for some.
 *
 * @param site folder of the site; paths are addresses in it
 * @param quality of brotli, 0..11
 */
export function sizeOf(site: string, paths: readonly string[], cache: string, quality: number): Bytes {
  const all = paths.map((path) => sizesOf(readFileSync(join(site, path)), cache, quality));
  const sum = (field: keyof Bytes) => all.reduce((total, bytes) => total + bytes[field], 0);
  return { raw: sum("raw"), gzip: sum("gzip"), brotli: sum("brotli") };
}

function sizesOf(bytes: Uint8Array, cache: string, quality: number): Bytes {
  const hash = createHash("sha256").update(bytes).digest("hex");
  const file = join(cache, `${hash}-${quality}.json`);
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {}
  const options = {
    [constants.BROTLI_PARAM_QUALITY]: quality,
    [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
    [constants.BROTLI_PARAM_LGWIN]: 24,
  };
  const sizes = {
    raw: bytes.length,
    gzip: gzipSync(bytes, { level: 9 }).length,
    brotli: brotliCompressSync(bytes, { params: options }).length,
  };
  mkdirSync(cache, { recursive: true });
  writeFileSync(file, JSON.stringify(sizes));
  return sizes;
}
