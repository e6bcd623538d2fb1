/** Kinds of image files against Pillow, which writes and reads them. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { decodeImage } from "../../../tools/image/index.js";

const hasPillow = spawnSync("python3", ["-c", "import PIL"]).status === 0;

/** Writes NAME and NAME.rgb: its pixels, upright, as Pillow reads them, after width and height in two words. */
const WRITE = `
import struct, sys
from PIL import Image, ImageOps
folder = sys.argv[1]
w, h = 37, 23
image = Image.new("RGB", (w, h))
image.putdata([((x * 7 + y * 3) % 256, (x * x + y) % 256, (x * y * 5) % 256) for y in range(h) for x in range(w)])
soft = image.resize((8, 8), Image.BILINEAR).resize((w, h), Image.BILINEAR)
alpha = image.convert("RGBA")
def turned(n):
    exif = Image.Exif()
    exif[0x112] = n
    return exif
files = {
    "lossless.webp": (image, dict(lossless=True)),
    "lossy.webp": (soft, dict(quality=80)),
    "exif.webp": (image, dict(lossless=True, exif=turned(6))),
    "alpha.webp": (alpha, dict(lossless=True, exact=True)),
    "24.bmp": (image, {}),
    "8.bmp": (image.convert("P"), {}),
    "1.bmp": (image.convert("1"), {}),
    "grey.bmp": (image.convert("L"), {}),
    "32.bmp": (alpha, {}),
    "a.gif": (image.quantize(64), {}),
    "clear.gif": (image.quantize(64), dict(transparency=5)),
    "inks.jpg": (soft.convert("CMYK"), dict(quality=95)),
    "inks-exif.jpg": (soft.convert("CMYK"), dict(quality=95, progressive=True, exif=turned(6))),
    "raw.tiff": (image, {}),
    "lzw.tiff": (image, dict(compression="tiff_lzw")),
    "grey.tiff": (image.convert("L"), {}),
    "cmyk.tiff": (image.convert("CMYK"), {}),
    "exif.tiff": (image, dict(exif=turned(8))),
    "soft.avif": (soft, dict(quality=95)),
    "animated.webp": (image, dict(lossless=True, save_all=True, append_images=[soft])),
    "animated.gif": (image.quantize(64), dict(save_all=True, append_images=[soft.quantize(64)])),
    "clear-animated.gif": (image.quantize(64), dict(save_all=True, append_images=[soft.quantize(64)], transparency=5)),
}
def runs(depth):
    """A bitmap of run lengths: rows of runs, of pixels as they are, and one that begins with a jump."""
    colors = b"".join(bytes([(i * 37) % 256, (i * 91) % 256, (i * 151) % 256, 0]) for i in range(1 << depth))
    top = (1 << depth) - 1
    body = b""
    for y in range(h):
        if y == 7:
            body += bytes([0, 2, 5, 0])
        x = 5 if y == 7 else 0
        while x < w:
            count = min(3 + (x * 5 + y) % 9, w - x)
            values = [(x + i) * (y + 1) % (top + 1) for i in range(count)]
            if y % 2 or count < 3:
                body += b"".join(bytes([1, v if depth == 8 else v << 4]) for v in values)
            elif y % 4 == 0:
                a, b = values[0], values[1]
                body += bytes([count, a if depth == 8 else a << 4 | b])
            else:
                raw = bytes(values) if depth == 8 else bytes(
                    a << 4 | b for a, b in zip(values[::2], (values + [0])[1::2]))
                body += bytes([0, count]) + raw + b"\\0" * (len(raw) % 2)
            x += count
        body += bytes([0, 0])
    body += bytes([0, 1])
    at = 54 + len(colors)
    return struct.pack("<2sIIIIiiHHIIiiII", b"BM", at + len(body), 0, at, 40, w, h, 1, depth,
                       1 if depth == 8 else 2, len(body), 0, 0, 0, 0) + colors + body
def bitmap(depth, size, packed=0, masks=(), rows=h):
    """A bitmap whose header has this size, with bit masks or a palette; negative rows lie from the top."""
    colors = b"".join(bytes([i, 255 - i, i ^ 85]) + b"\\0" * (size > 12) for i in range(1 << depth if depth <= 8 else 0))
    words = b"".join(struct.pack("<I", mask) for mask in masks)
    line = (w * depth + 31) // 32 * 4
    body = bytes((i * i * 7 + i // line * 29) % 256 for i in range(line * h))
    head = struct.pack("<IHHHH", 12, w, h, 1, depth) if size == 12 else struct.pack(
        "<IiiHHIIiiII", size, w, rows, 1, depth, packed, len(body), 0, 0, 0, 0)
    head += words if size == 40 else (words + bytes(max(0, size - 40)))[: max(0, size - 40)]
    at = 14 + len(head) + len(colors)
    return struct.pack("<2sIII", b"BM", at + len(body), 0, at) + head + colors + body
for depth in (1, 4, 8, 24):
    files[f"os2-{depth}.bmp"] = (bitmap(depth, 12), {})
    files[f"top-{depth}.bmp"] = (bitmap(depth, 124, rows=-h), {})
five, six = (0x7C00, 0x3E0, 0x1F), (0xF800, 0x7E0, 0x1F)
for name, depth, size, packed, masks in (
    ("555", 16, 40, 0, ()), ("555-masks", 16, 40, 3, five), ("565", 16, 40, 3, six), ("565-v4", 16, 108, 3, six),
    ("xrgb", 32, 40, 3, (0xFF0000, 0xFF00, 0xFF)), ("rgba-v5", 32, 124, 3, (0xFF, 0xFF00, 0xFF0000, 0xFF000000)),
    ("rgbx", 32, 40, 3, (0xFF000000, 0xFF0000, 0xFF00)), ("argb-v3", 32, 56, 3, (0xFF0000, 0xFF00, 0xFF, 0xFF000000)),
):
    files[f"{name}.bmp"] = (bitmap(depth, size, packed, masks), {})
for depth in (4, 8):
    files[f"runs{depth}.bmp"] = (runs(depth), {})
for name, (picture, options) in files.items():
    if isinstance(picture, bytes):
        open(f"{folder}/{name}", "wb").write(picture)
    else:
        picture.save(f"{folder}/{name}", **options)
    read = ImageOps.exif_transpose(Image.open(f"{folder}/{name}")).convert("RGB")
    with open(f"{folder}/{name}.rgb", "wb") as file:
        file.write(struct.pack("<II", *read.size) + read.tobytes())
print(*files)
`;

describe.skipIf(!hasPillow)("gives the pixels that Pillow gives", () => {
  const folder = mkdtempSync(join(tmpdir(), "attendseg-kinds-"));
  const names = hasPillow ? execFileSync("python3", ["-c", WRITE, folder]).toString().trim().split(" ") : [];

  test.each(names)("%s", async (name) => {
    const wanted = readFileSync(join(folder, `${name}.rgb`));
    const image = await decodeImage(readFileSync(join(folder, name)), name);
    const { data, width, height, channels } = image;
    expect([width, height]).toEqual([wanted.readUInt32LE(0), wanted.readUInt32LE(4)]);
    let furthest = 0;
    let sum = 0;
    for (let pixel = 0; pixel < width * height; pixel++) {
      for (let c = 0; c < 3; c++) {
        const level = data[pixel * channels + (channels === 1 ? 0 : c)]!;
        const far = Math.abs(level - wanted[8 + 3 * pixel + c]!);
        furthest = Math.max(furthest, far);
        sum += far;
      }
    }
    if (/^5[56]5/.test(name)) {
      // Pillow cuts what it spreads over 0..255, others round
      expect(furthest).toBeLessThanOrEqual(1);
      return;
    }
    // other roundings of colours that are stored at half the size
    if (name === "soft.avif") expect(sum / (3 * width * height)).toBeLessThan(3);
    else expect(furthest).toBeLessThanOrEqual(name === "lossy.webp" ? 3 : 0);
  });

  test.each(names)("%s cut off anywhere, or with a byte changed, is an image or refused", async (name) => {
    const bytes = readFileSync(join(folder, name));
    for (let at = 0; at < bytes.length; at += 1 + (bytes.length >> 5)) {
      const changed = Uint8Array.from(bytes);
      changed[at]! ^= 255;
      for (const file of [bytes.subarray(0, at), changed]) {
        const outcome = await decodeImage(file, name).catch((error) => error);
        if (outcome instanceof Error) expect(outcome.name).toBe("UserError");
        else expect(outcome.data.length).toBe(outcome.width * outcome.height * outcome.channels);
      }
    }
  });
});
