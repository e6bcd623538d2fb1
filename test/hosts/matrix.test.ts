import { spawnSync } from "node:child_process";
import { expect, it } from "vitest";

/** Runs the matrix on a machine that seems to have no programs at all. */
function matrix(...args: string[]) {
  const env = { ...process.env, PATH: "/nowhere" };
  const options = { encoding: "utf8", env } as const;
  return spawnSync(process.execPath, ["test/hosts/start.js", "matrix", ...args], options);
}

it("finds the masks of the reference in the translated engine, and exits with 0", {
  timeout: 120_000,
}, () => {
  const { status, stdout } = matrix("--only", "javascript", "--json");
  expect(status).toBe(0);
  const { hosts, differences } = JSON.parse(stdout);
  expect(differences).toEqual([]);
  const [reference, javascript] = hosts;
  for (const job of ["fixture", "sizes", "probabilities"]) {
    expect(javascript.hashes[job].javascript).toBe(reference.hashes[job].reference);
    expect(reference.hashes[job].reference).toMatch(/^[0-9a-f]{64}$/);
  }
});

it("skips a host that is not there by name, with the reason", { timeout: 120_000 }, () => {
  const { status, stdout } = matrix("--only", "jsc");
  expect(status).toBe(0);
  expect(stdout).toMatch(/^jsc: absent: there is no jsc: /m);
});

it("refuses a host that it does not know", { timeout: 120_000 }, () => {
  const { status, stderr } = matrix("--only", "jsc,netscape");
  expect(status).toBe(2);
  expect(stderr).toContain("there is no host netscape");
});
