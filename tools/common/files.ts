/**
 * Reading and writing files for people: errors name the file and say what is wrong with it, and a file that is
 * written appears complete or not at all.
 */
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { basename, dirname, extname, join } from "node:path";
import { messageOf, UserError } from "./errors.js";
import { printable } from "./text.js";

/** Stands for standard input or standard output. */
export const STANDARD = "-";

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "no such file or folder",
  EISDIR: "is a folder, not a file",
  ENOTDIR: "is not a folder",
  EACCES: "permission denied",
  EPERM: "permission denied",
  EROFS: "the file system is read-only",
  ENOSPC: "no space left on the disk",
  ENAMETOOLONG: "the name is too long",
  ELOOP: "too many links",
  EMFILE: "too many open files",
  EEXIST: "exists and is not a folder",
  ERR_FS_FILE_TOO_LARGE: "the file is too large",
};

/** What messages call a file that is read: its path, or "standard input" for "-". */
export function nameOf(path: string): string {
  return path === STANDARD ? "standard input" : path;
}

/** Bytes that are read of a file unless another limit is given. */
const MAX_BYTES = 2 ** 31;

/**
 * The whole content of a file, or of standard input for "-"; of a pipe what is written to it until it is closed.
 *
 * @param most bytes; more are an error
 * @throws UserError that names the file
 */
export function readBytes(path: string, most = MAX_BYTES): Uint8Array {
  const isStandard = path === STANDARD;
  let file = 0;
  try {
    // a pipe without a writer would block the opening for ever
    if (!isStandard) file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stats = fstatSync(file);
    if (!isStandard && (stats.isCharacterDevice() || stats.isBlockDevice())) {
      throw new UserError("is a device, not a file");
    }
    if (stats.isFile() && stats.size > most) throw new UserError(`larger than ${most} bytes, the limit`);
    if (stats.isDirectory()) throw Object.assign(new Error(), { code: "EISDIR" });
    const bytes = stats.isFile() && stats.size > 0 ? readFileSync(file) : readStream(file, most);
    if (stats.isFIFO() && !isStandard && bytes.length === 0)
      throw new UserError("nothing writes to this pipe");
    return bytes;
  } catch (error) {
    throw fileError(nameOf(path), error);
  } finally {
    if (file !== 0) closeSync(file);
  }
}

/** Reads until the end of what may have no known length. */
function readStream(file: number, most: number): Uint8Array {
  const parts: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const part = new Uint8Array(1 << 16);
    try {
      const count = readSync(file, part);
      if (count === 0) return Buffer.concat(parts);
      parts.push(part.subarray(0, count));
      length += count;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "EOF") return Buffer.concat(parts);
      if (code !== "EAGAIN") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
    }
    if (length > most) throw new UserError(`more than ${most} bytes, the limit`);
  }
}

/**
 * The content of a text file.
 *
 * @throws UserError that names the file
 */
export function readText(path: string): string {
  return new TextDecoder().decode(readBytes(path));
}

/**
 * Names in a folder, sorted by code unit so that every machine sees the same order.
 *
 * @throws UserError that names the folder
 */
export function listFolder(path: string): string[] {
  try {
    return readdirSync(path).sort();
  } catch (error) {
    throw fileError(path, error);
  }
}

/** Whether there is a file (not a folder) of this name. */
export function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

/** Whether there is a folder of this name. */
export function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** Whether a file is there and was not changed before another one; where there is no other one, that it is there. */
export function isNewer(path: string, other: string): boolean {
  const time = (name: string) => statSync(name, { throwIfNoEntry: false })?.mtimeMs;
  const own = time(path);
  return own !== undefined && own >= (time(other) ?? 0);
}

/**
 * Makes a folder and those above it, unless they exist.
 *
 * @throws UserError that names the folder
 */
export function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true });
  } catch (error) {
    throw fileError(path, error);
  }
}

/**
 * Writes a file under a temporary name beside it and renames it, so that nobody ever sees half of it; "-" is
 * standard output.
 *
 * @throws UserError that names the file; nothing is left behind
 */
export function writeBytes(path: string, bytes: Uint8Array): void {
  if (path === STANDARD) {
    writeOutput(bytes);
    return;
  }
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}.tmp`);
  try {
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) {
      throw Object.assign(new Error("is a folder"), { code: "EISDIR" });
    }
    writeAndRename(temporary, path, bytes);
  } catch (error) {
    throw fileError(path, error);
  }
}

/**
 * Removes what `writeBytes` left half-written in a folder when its process was killed.
 *
 * @param pattern of the names of the files that were being written
 */
export function removeLeftovers(folder: string, pattern: RegExp): void {
  for (const entry of listFolder(folder)) {
    const [, name, owner] = /^\.(.+)\.(\d+)\.tmp$/.exec(entry) ?? [];
    if (name !== undefined && pattern.test(name) && !isRunning(Number(owner))) {
      rmSync(join(folder, entry), { force: true });
    }
  }
}

function isRunning(id: number): boolean {
  try {
    return process.kill(id, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

function writeAndRename(temporary: string, path: string, bytes: Uint8Array): void {
  const file = openSync(temporary, "w");
  try {
    try {
      writeFileSync(file, bytes);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/** Writes to standard output, text as `printable` makes it; a reader that went away (`| head`) is no error. */
export function writeOutput(data: Uint8Array | string): void {
  writeAll(1, data, "standard output");
}

/** Writes text to standard error, as `printable` makes it. */
export function writeError(text: string): void {
  writeAll(2, text, "standard error");
}

function writeAll(descriptor: number, data: Uint8Array | string, name: string): void {
  const bytes = typeof data === "string" ? new TextEncoder().encode(printable(data)) : data;
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(descriptor, bytes, at);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "EPIPE") return;
      if (code !== "EAGAIN") throw fileError(name, error);
    }
  }
}

/** The name of a file without folder and extension: `a/b.jpg` gives `b`. */
export function stem(path: string): string {
  return basename(path, extname(path));
}

function fileError(path: string, error: unknown): UserError {
  if (error instanceof UserError) return new UserError(`${path}: ${error.message}`);
  const code = (error as NodeJS.ErrnoException).code ?? "";
  return new UserError(`${path}: ${REASONS[code] ?? messageOf(error)}`);
}
