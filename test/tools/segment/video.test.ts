import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { Segmenter } from "../../../src/index.js";
import { expectFailure, FIXTURE, Workplace } from "../command.js";

vi.setConfig({ testTimeout: 120_000 });

const hasFfmpeg = spawnSync("ffmpeg", ["-version"]).status === 0;
const place = new Workplace();
const WIDTH = 91;
const HEIGHT = 67;
const FRAMES = 12;

function ffmpeg(...words: string[]): Buffer {
  const { status, stdout, stderr } = spawnSync("ffmpeg", ["-v", "error", "-y", ...words], {
    cwd: place.folder,
    maxBuffer: 1 << 28,
  });
  expect([status, stderr.toString()]).toEqual([0, ""]);
  return stdout;
}

/** Streams of a video: kind, size, frames. */
function streamsOf(path: string) {
  const entries = "stream=codec_type,width,height,nb_read_frames";
  const words = ["-v", "error", "-count_frames", "-show_entries", entries, "-of", "json", path];
  const { stdout } = spawnSync("ffprobe", words, { cwd: place.folder });
  return JSON.parse(stdout.toString()).streams as {
    codec_type: string;
    width?: number;
    nb_read_frames: string;
  }[];
}

const rawOf = (path: string, pixels: string) => ffmpeg("-i", path, "-f", "rawvideo", "-pix_fmt", pixels, "-");

describe.skipIf(!hasFfmpeg)("video through ffmpeg", () => {
  const source = "drive one.mkv";
  if (hasFfmpeg) {
    const picture = `testsrc2=size=100x80:rate=25:duration=${FRAMES / 25},format=bgr0,crop=${WIDTH}:${HEIGHT}`;
    const sound = ["-f", "lavfi", "-i", "sine=440:duration=0.4"];
    ffmpeg("-f", "lavfi", "-i", picture, ...sound, "-c:v", "ffv1", source);
  }

  test("gives an overlay of as many frames, with the sound", () => {
    const outcome = place.run(["segment", source, "-o", "out.mp4", "--csv", "shares.csv"]);
    expect(outcome).toMatchObject({ code: 0, err: "" });
    expect(outcome.text).toMatch(/^drive one\.mkv: 91x67, 12 frames, [\d.]+ a second\n {2}-> out\.mp4\n$/);
    const [video, sound] = streamsOf("out.mp4");
    expect(video).toMatchObject({
      codec_type: "video",
      width: 92,
      height: 68,
      nb_read_frames: String(FRAMES),
    });
    expect(sound).toMatchObject({ codec_type: "audio" });
    const rows = readFileSync(join(place.folder, "shares.csv"), "utf8").trim().split("\r\n");
    const shares = rows.slice(1).map((row) => row.split(","));
    expect(new Set(shares.map(([frame]) => frame)).size).toBe(FRAMES);
    const pixels = shares.reduce((sum, row) => sum + Number(row[4]), 0);
    expect(pixels).toBe(FRAMES * WIDTH * HEIGHT);
  });

  test("gives masks without loss: those of the library", async () => {
    const outcome = place.run(["segment", source, "-o", "masks", "--only", "mask", "--json-lines"]);
    expect(outcome).toMatchObject({ code: 0, err: "" });
    const lines = outcome.text.trim().split("\n");
    expect(lines.map((line) => JSON.parse(line).frame)).toEqual([...Array(FRAMES).keys()]);
    const written = rawOf("masks/drive one.mask.mkv", "gray");
    const frames = rawOf(source, "rgb24");
    const size = WIDTH * HEIGHT;
    expect(written).toHaveLength(FRAMES * size);
    using segmenter = await Segmenter.load(FIXTURE);
    for (let frame = 0; frame < FRAMES; frame++) {
      const data = new Uint8Array(frames.subarray(frame * size * 3, (frame + 1) * size * 3));
      const { mask } = segmenter.segment({ data, width: WIDTH, height: HEIGHT });
      expect(written.subarray(frame * size, (frame + 1) * size).equals(mask)).toBe(true);
    }
  });

  test("a file that is no video, and an end that is no video file, are one line, and nothing is left", () => {
    place.write("page.mp4", "<!doctype html>");
    expectFailure(place.run(["segment", "page.mp4", "-o", "bad"]), 1, "page.mp4: ffmpeg cannot read this");
    expectFailure(place.run(["segment", "none.mp4", "-o", "bad"]), 1, "none.mp4: ffmpeg cannot read this");
    place.write("list.mkv", "#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n");
    expectFailure(place.run(["segment", "list.mkv", "-o", "bad"]), 1, "list.mkv: ffmpeg cannot read this");
    const words = ["segment", source, "--only", "cutout", "--classes", "class 1"];
    expectFailure(place.run(words), 2, "a video takes no -o -, no --classes and no --legend");
    expectFailure(place.run(["segment", source, "--only", "rle"]), 2, "--only takes overlay or mask");
    expectFailure(place.run(["segment", source, source]), 2, "one video at a time");
    const wrong = ["segment", source, "-o", "a.mp4", "--only", "mask"];
    expectFailure(place.run(wrong), 2, "masks without loss go into .mkv");
    expect(existsSync(join(place.folder, "bad"))).toBe(false);
    expect(readdirSync(place.folder).filter((name) => name.startsWith("."))).toEqual([]);
  });
});

test("without ffmpeg a video is refused by name", () => {
  place.write("drive.mp4", "video");
  const path = process.env.PATH;
  process.env.PATH = "/nowhere";
  try {
    expectFailure(
      place.run(["segment", "drive.mp4"]),
      1,
      "drive.mp4: video takes ffmpeg and ffprobe, which are",
    );
  } finally {
    process.env.PATH = path;
  }
});
