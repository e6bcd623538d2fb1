import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

const README = readFileSync("README.md", "utf8");
const MODEL = "models/attendseg-streets.aseg";

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
  const files = readdirSync("tools", { encoding: "utf8", recursive: true });
  for (const file of files.filter((name) => name.endsWith("command.ts"))) {
    const name = /new Command\("(\w+)"\)/.exec(readFileSync(`tools/${file}`, "utf8"));
    expect(README).toContain(`| \`${name?.[1]} `);
  }
  for (const [, path] of README.matchAll(/\]\((?!https?:)([^)]+)\)/g))
    expect(existsSync(path!), path).toBe(true);
});

test("every path that CONTRIBUTING.md names exists", () => {
  const text = readFileSync("CONTRIBUTING.md", "utf8");
  const quoted = [...text.matchAll(/`((?:assembly|bench|build|models|src|test|tools)\/[^`\s]*)`/g)];
  const linked = [...text.matchAll(/\]\((?!https?:)([^)]+)\)/g)];
  // NAME stands for a name that the reader chooses
  const paths = [...quoted, ...linked].map(([, path]) => path!).filter((path) => !path.includes("NAME"));
  expect(paths.length).toBeGreaterThan(50);
  expect(paths.filter((path) => !existsSync(path))).toEqual([]);
});
