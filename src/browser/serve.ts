/** The worker's side of the wire: one segmenter, one request after the other, ops in short slices. */
import { Segmenter } from "../segmenter.js";
import { ImageReader } from "./image.js";
import { type Endpoint, errorFacts, isFrame, type Reply, type Request } from "./protocol.js";
import { threadSupport } from "./threads.js";

/** Between two looks at the message queue operations are run for about this long. */
const SLICE_MILLISECONDS = 4;

type Load = Extract<Request, { type: "load" }>;
type Segment = Extract<Request, { type: "segment" }>;

/** Clock and queue of a worker, which tests replace. */
export interface WorkerTime {
  /** Milliseconds since any fixed time. */
  readonly now: () => number;
  /** Resolves after the messages that have already arrived were handled. */
  readonly pause: () => Promise<void>;
}

/** Answers the requests that arrive at an endpoint. */
export function serveSegmenter(port: Endpoint, time: WorkerTime = workerTime()): void {
  const server = new SegmenterServer(port, time);
  port.addEventListener("message", (event) => server.receive((event as MessageEvent<Request>).data));
}

class SegmenterServer {
  readonly #port: Endpoint;
  readonly #time: WorkerTime;
  readonly #waiting: (Load | Segment)[] = [];
  readonly #reader = new ImageReader();
  #current: number | undefined;
  #aborted = false;
  #segmenter: Segmenter | undefined;

  constructor(port: Endpoint, time: WorkerTime) {
    this.#port = port;
    this.#time = time;
  }

  receive(request: Request): void {
    if (request.type === "abort") {
      this.#abort(request.id);
      return;
    }
    this.#waiting.push(request);
    if (this.#current === undefined) void this.#work();
  }

  #abort(id: number): void {
    if (id === this.#current) this.#aborted = true;
    const at = this.#waiting.findIndex((request) => request.id === id);
    const [request] = at < 0 ? [] : this.#waiting.splice(at, 1);
    if (!request) return;
    if (request.type === "segment") close(request.image);
    this.#reply({ type: "aborted", id, done: 0 });
  }

  async #work(): Promise<void> {
    for (let request = this.#waiting.shift(); request; request = this.#waiting.shift()) {
      this.#current = request.id;
      this.#aborted = false;
      try {
        await (request.type === "load" ? this.#load(request) : this.#segment(request));
      } catch (error) {
        if (request.type === "segment") close(request.image);
        this.#reply({ type: "failed", id: request.id, error: errorFacts(error) });
      }
    }
    this.#current = undefined;
  }

  async #load({ id, bytes, options }: Load): Promise<void> {
    this.#segmenter?.dispose();
    this.#segmenter = undefined;
    const segmenter = await Segmenter.load(bytes, options);
    this.#segmenter = segmenter;
    const { classes, palette, info } = segmenter;
    this.#reply({ type: "loaded", id, classes, palette, info: { ...threadSupport(), ...info } });
  }

  async #segment({ id, image, options }: Segment): Promise<void> {
    if (!this.#segmenter) throw new Error("no model has been loaded");
    const { progress, keepFrame, ...sizes } = options;
    const total = this.#segmenter.info.ops.length;
    const milliseconds = new Float64Array(total);
    const pixels = isFrame(image) ? this.#reader.read(image) : image;
    if (!keepFrame) close(image);

    const steps = this.#segmenter.steps(pixels, sizes);
    let paused = this.#time.now();
    let start = paused;
    for (let done = 0; ; ) {
      const step = steps.next();
      const end = this.#time.now();
      milliseconds[Math.min(done, total - 1)]! += end - start;
      if (step.done) {
        const frame = keepFrame && isFrame(image) ? { frame: image } : {};
        this.#reply({ type: "segmented", id, result: { ...step.value, milliseconds, ...frame } });
        return;
      }
      done = step.value;
      if (progress && (done === total || end - paused >= SLICE_MILLISECONDS)) {
        this.#reply({ type: "progress", id, done, total });
      }
      if (end - paused >= SLICE_MILLISECONDS) {
        await this.#time.pause();
        if (this.#aborted) {
          close(image);
          this.#reply({ type: "aborted", id, done });
          return;
        }
        paused = this.#time.now();
      }
      start = this.#time.now();
    }
  }

  #reply(reply: Reply): void {
    this.#port.postMessage(reply, reply.type === "segmented" ? transferables(reply.result) : []);
  }
}

function transferables({
  mask,
  logits,
  probabilities,
  frame,
}: Extract<Reply, { type: "segmented" }>["result"]) {
  const arrays = [mask, logits?.data, probabilities];
  const buffers = arrays.flatMap((array) => array?.buffer ?? []) as ArrayBuffer[];
  return [...buffers, ...(frame ? [frame] : [])];
}

/** Gives a frame back; one that is closed already or any other image is left alone. */
function close(image: unknown): void {
  if (isFrame(image)) image.close();
}

/** A message to oneself comes after those that wait. */
function workerTime(): WorkerTime {
  const { port1, port2 } = new MessageChannel();
  const pause = () =>
    new Promise<void>((resolve) => {
      port1.onmessage = () => resolve();
      port2.postMessage(undefined);
    });
  return { now: () => performance.now(), pause };
}
