/**
 * `<attend-seg src="photo.jpg" model="attendseg-camvid.aseg">`: an image, or with `camera` the camera, with its mask over
 * it and a legend below. Parts to style: canvas, legend, entry, swatch, name, share, status.
 */
import { AsyncSegmenter } from "./browser/async-segmenter.js";
import { decodeImage } from "./browser/image.js";
import { drawOverlay } from "./browser/overlay.js";
import type { AsyncSegmentation } from "./browser/protocol.js";
import { segmentStream } from "./browser/stream.js";
import { EnvironmentError } from "./errors.js";
import { histogram } from "./mask.js";
import type { Source } from "./source.js";

/** What the event `change` tells: the mask that is shown now, and where from. */
export interface AttendSegChange extends AsyncSegmentation {
  readonly classes: readonly string[];
  /** Share of each class, 0 to 1, by class id. */
  readonly shares: readonly number[];
}

const STYLE = `
:host { display: inline-block; }
:host([hidden]) { display: none; }
canvas { display: block; max-width: 100%; }
ul { display: flex; flex-wrap: wrap; gap: 0.2em 1em; margin: 0.5em 0; padding: 0; list-style: none; }
li { display: flex; gap: 0.4em; align-items: center; }
i { width: 1em; height: 1em; border: 1px solid currentColor; }
p:empty { display: none; }
`;

/** Pages have it; a server that renders them imports this file too. */
const Base = globalThis.HTMLElement ?? (class {} as typeof HTMLElement);

/** The element. Attributes: src, model, camera, opacity (0 to 1), threads, nolegend. Events: change, error. */
export class AttendSegElement extends Base {
  static readonly observedAttributes = ["src", "model", "camera", "opacity", "threads"];

  #canvas: HTMLCanvasElement | undefined;
  #legend!: HTMLUListElement;
  #status!: HTMLParagraphElement;
  #model: Source | undefined;
  #segmenter: Promise<AsyncSegmenter> | undefined;
  /** Ends what the element is doing. */
  #doing: AbortController | undefined;
  #planned = false;
  /** The image that is shown, with its frame, to be painted again; the camera's next frame comes anyway. */
  #shown: [AsyncSegmenter, AsyncSegmentation] | undefined;

  /** The model: bytes or an address; the attribute `model` is an address. */
  get model(): Source | undefined {
    return this.#model ?? this.getAttribute("model") ?? undefined;
  }

  set model(source: Source | undefined) {
    this.#model = source;
    this.#forget();
    this.#plan();
  }

  connectedCallback(): void {
    if (!this.#canvas) this.#build();
    this.#plan();
  }

  disconnectedCallback(): void {
    this.#doing?.abort();
    this.#forget();
    this.#drop();
  }

  attributeChangedCallback(name: string): void {
    if (name === "opacity") {
      if (this.#shown) this.#paint(...this.#shown);
      return;
    }
    if (name === "model" || name === "threads") this.#forget();
    this.#plan();
  }

  #build(): void {
    const root = this.attachShadow({ mode: "open" });
    // a sheet made by script is no inline style, which policies forbid
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    root.adoptedStyleSheets = [sheet];
    this.#canvas = make("canvas", "canvas");
    this.#canvas.setAttribute("role", "img");
    this.#legend = make("ul", "legend");
    this.#status = make("p", "status");
    this.#status.setAttribute("role", "status");
    root.append(this.#canvas, this.#legend, this.#status);
  }

  /** Several attributes set at once are one change. */
  #plan(): void {
    if (this.#planned || !this.isConnected) return;
    this.#planned = true;
    queueMicrotask(() => {
      this.#planned = false;
      this.#doing?.abort();
      if (!this.isConnected) return;
      const doing = new AbortController();
      this.#doing = doing;
      this.#show(doing.signal).catch((error) => {
        if (doing.signal.aborted) return;
        this.#status.textContent = error.message;
        this.dispatchEvent(new ErrorEvent("error", { error, message: error.message }));
      });
    });
  }

  async #show(signal: AbortSignal): Promise<void> {
    const [address, model] = [this.getAttribute("src"), this.model];
    const isCamera = this.hasAttribute("camera");
    if (!model || !(address || isCamera)) return;
    this.#status.textContent = "";
    this.#segmenter ??= AsyncSegmenter.load(model, { threads: Number(this.getAttribute("threads") ?? 1) });
    const segmenter = await this.#segmenter;
    signal.throwIfAborted();
    if (isCamera) return this.#watch(segmenter, signal);
    const response = await fetch(address!, { signal });
    if (!response.ok) throw new EnvironmentError(`cannot fetch ${address}: ${response.status}`);
    const frame = await decodeImage(await response.blob());
    const result = await segmenter.segmentAsync(frame, { signal, keepFrame: true });
    this.#drop();
    this.#shown = [segmenter, result];
    this.#draw(segmenter, result);
  }

  async #watch(segmenter: AsyncSegmenter, signal: AbortSignal): Promise<void> {
    const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    try {
      signal.throwIfAborted();
      const video = Object.assign(document.createElement("video"), { muted: true, playsInline: true });
      video.srcObject = stream;
      await video.play();
      this.#drop();
      for await (const result of segmentStream(segmenter, video, { signal })) this.#draw(segmenter, result);
    } finally {
      for (const track of stream.getTracks()) track.stop();
    }
  }

  #paint({ palette }: AsyncSegmenter, result: AsyncSegmentation): void {
    const opacity = Number(this.getAttribute("opacity") ?? 0.5);
    drawOverlay(this.#canvas!, result.frame!, result, palette, opacity);
  }

  #draw(segmenter: AsyncSegmenter, result: AsyncSegmentation): void {
    const { classes, palette } = segmenter;
    this.#paint(segmenter, result);
    const counts = histogram(result.mask, classes.length);
    const shares = Array.from(counts, (count) => count / result.mask.length);
    const order = shares.map((_, id) => id).filter((id) => shares[id]! > 0);
    order.sort((a, b) => shares[b]! - shares[a]!);
    const texts = order.map((id) => `${classes[id]} ${(100 * shares[id]!).toFixed(1)} %`);
    this.#canvas!.setAttribute("aria-label", texts.join(", "));
    if (!this.hasAttribute("nolegend")) {
      this.#legend.replaceChildren(
        ...order.map((id) => {
          const swatch = make("i", "swatch");
          swatch.style.backgroundColor = `rgb(${palette[id]!.join(" ")})`;
          const name = make("span", "name", classes[id]!);
          const share = make("span", "share", `${(100 * shares[id]!).toFixed(1)} %`);
          const entry = make("li", "entry");
          entry.append(swatch, name, share);
          return entry;
        }),
      );
    }
    const detail: AttendSegChange = { ...result, classes, shares };
    this.dispatchEvent(new CustomEvent("change", { detail }));
  }

  #drop(): void {
    this.#shown?.[1].frame?.close();
    this.#shown = undefined;
  }

  /** Ends the segmenter; the next image loads one. */
  #forget(): void {
    void this.#segmenter?.then(
      (segmenter) => segmenter.dispose(),
      () => {},
    );
    this.#segmenter = undefined;
  }
}

function make<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  part: string,
  text = "",
): HTMLElementTagNameMap[Name] {
  const element = document.createElement(name);
  element.setAttribute("part", part);
  element.textContent = text;
  return element;
}

globalThis.customElements?.define("attend-seg", AttendSegElement);
