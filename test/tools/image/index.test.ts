import { describe, expect, test, vi } from "vitest";
import { UserError } from "../../../tools/common/errors.js";
import { decodeImage, resizeIds } from "../../../tools/image/index.js";
import { buildJpeg, buildPng } from "./encode.js";

const text = (content: string) => new Uint8Array(Buffer.from(content, "latin1"));

describe("decodeImage", () => {
  test("tells PNG from JPEG by the content, whatever the name", async () => {
    const png = buildPng({ width: 3, height: 2, depth: 8, type: 0, sample: () => 7 });
    expect(await decodeImage(png, "photo.jpg")).toMatchObject({ width: 3, height: 2, channels: 1 });
    const jpeg = buildJpeg({ width: 5, height: 4 });
    expect(await decodeImage(jpeg, "photo.png")).toMatchObject({ width: 5, height: 4, channels: 4 });
  });

  test.each([
    ["", "the file is empty"],
    ["GIF89a", "the GIF image cannot be decoded"],
    ["RIFF\x10\0\0\0WEBPVP8 ", "the WebP file is damaged or cut off"],
    ["BM\x10\0\0\0", "the BMP file is cut off"],
    ["II*\0", "the TIFF image cannot be decoded"],
    ["\0\0\0\x1cftypavif", "the AVIF image cannot be decoded"],
    ["\0\0\0\x1cftypheic", "the HEIC image cannot be decoded: Could not parse HEIF file"],
    ["\0\0\0\x0cJXL \r\n", "this is a JPEG XL image"],
    ["%PDF-1.7", "this is a PDF file"],
    ["<!DOCTYPE html><html>", "this is an HTML page"],
    ["<?xml version='1.0'?><svg>", "this is an SVG or XML file"],
    ["ASEG\x01\0\0\0", "this is a model file"],
    ["hello", "this is no image that is known here; read are PNG, JPEG, WebP and BMP"],
    ["\x89PNG\r\n\x1a\n", "the PNG file is cut off"],
    ["\xff\xd8\xff", "the JPEG file is cut off"],
  ])("%j is refused by name", async (content, message) => {
    const log = vi.spyOn(console, "log");
    const error = await decodeImage(text(content), "folder/a.png").catch((caught) => caught);
    expect(log).not.toHaveBeenCalled();
    log.mockRestore();
    expect(error).toBeInstanceOf(UserError);
    expect(error.message).toContain(`folder/a.png: ${message}`);
  });
});

describe("resizeIds", () => {
  test("samples the centre of each pixel", () => {
    const ids = Uint8Array.from({ length: 6 }, (_, at) => at);
    expect([...resizeIds(ids, 6, 1, 3, 1)]).toEqual([1, 3, 5]);
    expect([...resizeIds(ids, 6, 1, 2, 1)]).toEqual([1, 4]);
    expect([...resizeIds(ids, 3, 2, 6, 2)]).toEqual([0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]);
    expect([...resizeIds(ids, 2, 3, 2, 1)]).toEqual([2, 3]);
    expect([...resizeIds(ids, 6, 1, 4, 1)]).toEqual([0, 2, 3, 5]);
    expect(resizeIds(ids, 3, 2, 3, 2)).toEqual(ids);
  });
});
