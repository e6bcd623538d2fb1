/**
 * Reading and writing files for people: errors name the file and say what is wrong with it, and a file that is
 * written appears complete or not at all.
 */
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { basename, dirname, extname, join } from "node:path";
import { messageOf, UserError } from "./errors.js";

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

/**
 * The whole content of a file, or of standard input for "-".
 *
 * @throws UserError that names the file
 */
export function readBytes(path: string): Uint8Array {
  try {
    return readFileSync(path === STANDARD ? 0 : path);
  } catch (error) {
    throw fileError(path === STANDARD ? "standard input" : path, error);
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

/** Writes to standard output; a reader that went away (`| head`) is no error. */
export function writeOutput(data: Uint8Array | string): void {
  const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(1, bytes, at);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "EPIPE") return;
      if (code !== "EAGAIN") throw fileError("standard output", error);
    }
  }
}

/** The name of a file without folder and extension: `a/b.jpg` gives `b`. */
export function stem(path: string): string {
  return basename(path, extname(path));
}

function fileError(path: string, error: unknown): UserError {
  const code = (error as NodeJS.ErrnoException).code ?? "";
  return new UserError(`${path}: ${REASONS[code] ?? messageOf(error)}`);
}
