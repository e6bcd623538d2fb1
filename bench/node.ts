/** Runs engines in child processes of Node. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Spec } from "./engines/engine.js";
import { type Answer, type BenchHost, type Command, inTime, type Runner } from "./runner.js";

const CHILD = join(import.meta.dirname, "child.js");

/** Node itself as a host. */
export function nodeHost(): BenchHost {
  const runners: NodeRunner[] = [];
  return {
    name: "node",
    version: `Node ${process.versions.node} (V8 ${process.versions.v8})`,
    async open(spec) {
      const runner = new NodeRunner(spec);
      runners.push(runner);
      return runner;
    },
    async roofline(variant, passes) {
      const runner = new NodeRunner({ name: `roofline ${variant}` } as Spec);
      try {
        return await runner.roofline(variant, passes);
      } finally {
        await runner.close();
      }
    },
    filesOf: () => undefined,
    async close() {
      await Promise.all(runners.map((runner) => runner.close()));
    },
  };
}

class NodeRunner implements Runner {
  readonly spec: Spec;
  #child: ChildProcess | undefined;
  #output = "";

  constructor(spec: Spec) {
    this.spec = spec;
  }

  /** A fresh process. */
  async #start() {
    await this.close();
    const child = fork(CHILD, { serialization: "advanced", stdio: ["ignore", "pipe", "pipe", "ipc"] });
    for (const stream of [child.stdout!, child.stderr!]) {
      stream.on("data", (data: Buffer) => {
        this.#output = (this.#output + data).slice(-2000);
      });
    }
    this.#child = child;
  }

  async load() {
    await this.#start();
    const { load, firstMask, mask, residentBytes } = await this.#ask({ name: "load", spec: this.spec });
    return { load: load!, firstMask: firstMask!, mask: mask!, residentBytes: residentBytes! };
  }

  async run() {
    const { wall, cpu } = await this.#ask({ name: "run", spec: this.spec });
    return { wall: wall!, cpu: cpu! };
  }

  async roofline(variant: string, passes: number) {
    await this.#start();
    return (await this.#ask({ name: "roofline", variant, passes })).roofline!;
  }

  async linearBytes() {
    return (await this.#ask({ name: "memory" })).linearBytes!;
  }

  async hash(images: readonly string[]) {
    return (await this.#ask({ name: "hash", images })).hash!;
  }

  async close() {
    const child = this.#child;
    this.#child = undefined;
    if (!child || child.exitCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  }

  async #ask(command: Command): Promise<Answer> {
    const child = this.#child!;
    const answer = new Promise<Answer>((resolve) => {
      const settle = (message: unknown) => {
        child.off("message", settle);
        child.off("exit", ended);
        resolve(message as Answer);
      };
      const ended = () => settle({ error: `the process ended: ${this.#output.trim()}` });
      child.on("message", settle);
      child.on("exit", ended);
    });
    child.send(command);
    const result = await inTime(answer);
    if (result.error !== undefined) throw new Error(`${this.spec.name} in Node: ${result.error}`);
    return result;
  }
}
