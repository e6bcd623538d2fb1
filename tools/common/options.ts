/** Options that several commands share. */
import { InvalidArgumentError, Option } from "commander";
import { VARIANTS } from "../../src/variant.js";
import { messageOf, UserError } from "./errors.js";
import { writeOutput } from "./files.js";

/** Width and height of a network's input in pixels. */
export interface InputSize {
  readonly width: number;
  readonly height: number;
}

/** `--json`: one JSON object on standard output instead of text. */
export const jsonOption = () => new Option("--json", "print one JSON object instead of text");

/** `--size WxH`. */
export const sizeOption = () =>
  new Option(
    "--size <WxH>",
    "input size of the network, multiples of its stride (default: the model's)",
  ).argParser(parseSize);

/** `--variant NAME`. */
export const variantOption = () =>
  new Option("--variant <name>", "engine build (default: the fastest that this machine runs)").choices(
    VARIANTS,
  );

function parseSize(text: string): InputSize {
  const match = /^(\d{1,5})x(\d{1,5})$/.exec(text);
  if (!match) throw new InvalidArgumentError("Expected width x height in pixels, such as 512x512.");
  return { width: Number(match[1]), height: Number(match[2]) };
}

/** Parser of an option that is where something is written. */
export function outputPath(text: string): string {
  if (text.trim() === "") throw new InvalidArgumentError("Expected a name.");
  return text;
}

/** Parser of an option that is a number within first..last. */
export function numberWithin(first: number, last: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === "" || !(value >= first && value <= last)) {
      throw new InvalidArgumentError(`Expected a number from ${first} to ${last}.`);
    }
    return value;
  };
}

/** Parser of an option that is a whole number within first..last. */
export function wholeWithin(first: number, last: number): (text: string) => number {
  return (text) => {
    const value = numberWithin(first, last)(text);
    if (!Number.isInteger(value)) throw new InvalidArgumentError("Expected a whole number.");
    return value;
  };
}

/** Parser of an option that is three numbers, one a colour. */
export function parseColor(text: string): number[] {
  const levels = text.split(",").map((part) => (part.trim() === "" ? Number.NaN : Number(part)));
  if (levels.length !== 3 || !levels.every(Number.isFinite)) {
    throw new InvalidArgumentError("Expected three numbers, such as 0.5,0.5,0.5.");
  }
  return levels;
}

/** Writes a value to standard output as JSON. */
export function printJson(value: unknown): void {
  writeOutput(`${JSON.stringify(value, null, 2)}\n`);
}

/**
 * Loads the part of the program that needs onnxruntime-web, which is not installed along with attendseg.
 *
 * @throws UserError that says how to install it
 */
export async function needRuntime<T>(load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== "ERR_MODULE_NOT_FOUND" || !message.includes("onnxruntime-web")) throw error;
    throw new UserError("this command runs ONNX models with onnxruntime-web: npm install onnxruntime-web");
  }
}

/**
 * Runs something on a file, and names the file where the converter finds fault with it.
 *
 * @throws UserError instead of ConvertError
 */
export function naming<T>(file: string, action: () => T): T {
  const name = (error: unknown): never => {
    if ((error as Error).name !== "ConvertError") throw error;
    throw new UserError(`${file}: ${messageOf(error)}`);
  };
  try {
    const result = action();
    return result instanceof Promise ? (result.catch(name) as T) : result;
  } catch (error) {
    return name(error);
  }
}
