/** Steps of a build, each done only where its files are not those of the last time. */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { globSync } from "tinyglobby";

const hashOf = (content) => createHash("sha256").update(content).digest("hex");

/** Content of a file, or undefined without one. */
function readIf(path) {
  try {
    return readFileSync(path);
  } catch (error) {
    if (error.code !== "ENOENT") throw error;
  }
}

const isProgram = (content) => Buffer.from(content.slice(0, 2)).toString() === "#!";

/** Writes a file in one instant: whoever reads it meanwhile, another build too, sees the old one or the new one. */
function replaceFile(path, content) {
  const temporary = `build/${process.pid}.tmp`;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(temporary, content, { mode: isProgram(content) ? 0o755 : 0o644 });
  renameSync(temporary, path);
}

/**
 * Does a step unless the files it reads and the files it writes are those of the last time.
 *
 * @param step `inputs` are patterns of paths, `make` gives the files as { path: content }
 * @returns the paths that it writes
 */
export async function update({ name, inputs, make }) {
  const stamp = `build/stamps/${name}.json`;
  const paths = globSync(inputs, { expandDirectories: false }).sort();
  const key = hashOf(paths.map((path) => `${path} ${hashOf(readFileSync(path))}\n`).join(""));
  const last = JSON.parse(readIf(stamp) ?? "{}");
  const isFresh = ([path, hash]) => hashOf(readIf(path) ?? "") === hash;
  if (last.key === key && Object.entries(last.outputs).every(isFresh)) return Object.keys(last.outputs);
  const files = Object.entries(await make());
  for (const [path, content] of files) replaceFile(path, content);
  const outputs = Object.fromEntries(files.map(([path, content]) => [path, hashOf(content)]));
  replaceFile(stamp, JSON.stringify({ key, outputs }));
  return Object.keys(outputs);
}
