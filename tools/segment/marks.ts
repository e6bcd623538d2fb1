/**
 * The mark of our own results: a word at their beginning that tells them from photos, whatever they are called, and
 * what they were made with. It is a text chunk of a PNG file, a comment of a JPEG file, a member of a JSON object.
 */
import { createHash } from "node:crypto";
import { closeSync, openSync, readSync } from "node:fs";
import { isFile } from "../common/files.js";

const HEAD_BYTES = 1024;
const MARK = /attendseg result [0-9a-f]{32}/;

/** The mark of results that depend on these values. */
export function markOf(...values: readonly unknown[]): string {
  const digest = createHash("sha256").update(JSON.stringify(values)).digest("hex");
  return `attendseg result ${digest.slice(0, 32)}`;
}

/** The mark in a file, or undefined in one that is no result of ours. */
export function readMark(path: string): string | undefined {
  if (!isFile(path)) return undefined;
  const head = new Uint8Array(HEAD_BYTES);
  let length = 0;
  try {
    const file = openSync(path, "r");
    try {
      length = readSync(file, head);
    } finally {
      closeSync(file);
    }
  } catch {
    // whoever reads the file will say what is wrong with it
    return undefined;
  }
  return MARK.exec(Buffer.from(head.buffer, 0, length).toString("latin1"))?.[0];
}
