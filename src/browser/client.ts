/** The page's side of the wire: requests that become promises. */
import { EnvironmentError } from "../errors.js";
import { type Endpoint, isFrame, type Reply, type Request, reviveError } from "./protocol.js";

/** A worker as the page sees it. */
export interface WorkerEndpoint extends Endpoint {
  terminate(): void;
}

/** A request without its id, which the client gives. */
type Question =
  | Omit<Extract<Request, { type: "load" }>, "id">
  | Omit<Extract<Request, { type: "segment" }>, "id">;

interface Pending {
  readonly resolve: (reply: Reply) => void;
  readonly reject: (reason: unknown) => void;
  readonly onProgress: ((done: number, total: number) => void) | undefined;
}

/** How a request is watched and given up. */
export interface AskOptions {
  readonly signal?: AbortSignal | undefined;
  /** Told the operations done and all of them. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** Asks a worker and keeps what has not been answered. */
export class WorkerClient {
  readonly #worker: WorkerEndpoint;
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;
  #closed: Error | undefined;

  constructor(worker: WorkerEndpoint) {
    this.#worker = worker;
    worker.addEventListener("message", (event) => this.#receive((event as MessageEvent<Reply>).data));
    worker.addEventListener("messageerror", () => {
      this.close(new EnvironmentError("a message from the worker could not be read"));
    });
    worker.addEventListener("error", (event) => this.close(failedWorker(event as Partial<ErrorEvent>)));
  }

  /**
   * Sends a request and waits for the reply that ends it. A reply `failed` rejects; once the signal fires the
   * promise rejects with its reason, the worker stops at its next look and the reply is thrown away.
   */
  async ask(question: Question, transfer: Transferable[], options: AskOptions = {}): Promise<Reply> {
    const { signal, onProgress } = options;
    signal?.throwIfAborted();
    if (this.#closed) throw this.#closed;
    const id = ++this.#lastId;
    let onAbort: (() => void) | undefined;
    try {
      return await new Promise<Reply>((resolve, reject) => {
        onAbort = () => {
          this.#pending.delete(id);
          this.#worker.postMessage({ type: "abort", id } satisfies Request, []);
          reject(signal!.reason);
        };
        this.#worker.postMessage({ ...question, id }, transfer);
        this.#pending.set(id, { resolve, reject, onProgress });
        signal?.addEventListener("abort", onAbort, { once: true });
      });
    } finally {
      if (onAbort) signal?.removeEventListener("abort", onAbort);
    }
  }

  /** Ends the worker; everything pending and everything asked later is rejected with `reason`. */
  close(reason: Error): void {
    if (this.#closed) return;
    this.#closed = reason;
    this.#worker.terminate();
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const { reject } of pending) reject(reason);
  }

  #receive(reply: Reply): void {
    const request = this.#pending.get(reply.id);
    if (!request) {
      if (reply.type === "segmented" && isFrame(reply.result.frame)) reply.result.frame.close();
      return;
    }
    if (reply.type === "progress") {
      request.onProgress?.(reply.done, reply.total);
      return;
    }
    this.#pending.delete(reply.id);
    if (reply.type === "failed") request.reject(reviveError(reply.error));
    else request.resolve(reply);
  }
}

/** A script that was not found fires an event without a message. */
function failedWorker({ message }: Partial<ErrorEvent>): Error {
  return message
    ? new Error(`the worker failed: ${message}`)
    : new EnvironmentError(
        'the worker script could not be loaded: serve worker.js beside browser.js, or pass "worker", the address of ' +
          'a copy or a Worker made from attendseg/worker (Vite in development: optimizeDeps.exclude: ["attendseg"])',
      );
}
