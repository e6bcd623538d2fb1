import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

const README = readFileSync("README.md", "utf8");
const MODEL = "models/attendseg-camvid.aseg";

test.skipIf(!existsSync(MODEL))(
  `the README's example runs (needs ${MODEL})`,
  () => {
    const [, code] = /```js\n(.*?)```/s.exec(README)!;
    const words = ["--input-type=module", "--eval", code!];
    const { status, stdout, stderr } = spawnSync(process.execPath, words, { encoding: "utf8" });
    expect([status, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(/^class in the middle: \w+\npixels of each class: Uint32Array\(32\)/);
  },
  60_000,
);

test("the README names every command, and every file it links to exists", () => {
  for (const file of readdirSync("tools/commands")) {
    const name = /\.command\("(\w+)"\)|new Command\("(\w+)"\)/.exec(
      readFileSync(`tools/commands/${file}`, "utf8"),
    );
    if (name) expect(README).toContain(`| \`${name[1] ?? name[2]} `);
  }
  for (const [, path] of README.matchAll(/\]\((?!https?:)([^)]+)\)/g))
    expect(existsSync(path!), path).toBe(true);
});
