import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { UserError } from "./errors.js";
import { listFolder } from "./files.js";

const NAME = "attendseg";
const DEFAULT_MODEL = "models/attendseg-streets.aseg";

/** Folder of this package, whether the code runs from its source or bundled into dist/. */
export function packageFolder(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    const manifest = join(folder, "package.json");
    if (existsSync(manifest) && JSON.parse(readFileSync(manifest, "utf8")).name === NAME) return folder;
    if (folder === dirname(folder)) throw new UserError(`the folder of the package ${NAME} was not found`);
  }
}

/** Version of this package. */
export function packageVersion(): string {
  return JSON.parse(readFileSync(join(packageFolder(), "package.json"), "utf8")).version;
}

/** Folder of the built demo page. */
export function pageFolder(): string {
  return join(packageFolder(), "dist/page");
}

/** The worker thread of `attendseg segment`, built. */
export function segmentWorker(): URL {
  return pathToFileURL(join(packageFolder(), "dist/segment-worker.js"));
}

/** Paths of all models that come with this package, the default one first. */
export function packagedModels(): string[] {
  const models = dirname(defaultModel());
  const paths = listFolder(models).map((name) => join(models, name));
  const others = paths.filter((path) => path.endsWith(".aseg") && path !== defaultModel());
  return [defaultModel(), ...others];
}

/** Path of the model that comes with this package. */
export function defaultModel(): string {
  return join(packageFolder(), DEFAULT_MODEL);
}
