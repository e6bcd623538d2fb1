/** Choices of model, input size, build and threads. */
import { type AsyncSegmenterInfo, threadSupport } from "../../src/browser/index.js";
import type { Model } from "../../src/model.js";
import { VARIANTS, type Variant } from "../../src/variant.js";
import { formatBytes, formatCount } from "../common/table.js";
import { find, make } from "./dom.js";

/** A model to choose: an address, or bytes that the user gave. */
export interface ModelChoice {
  readonly name: string;
  readonly source: string | Uint8Array;
}

/** How the engine is to be loaded; what is left out is the default. */
export interface EngineChoice {
  readonly width?: number;
  readonly height?: number;
  readonly variant?: Variant;
  readonly threads?: number;
}

/** Input sizes offered beside the model's own, width and height in pixels. */
const SIZES: readonly (readonly [number, number])[] = [
  [256, 256],
  [384, 384],
  [512, 512],
  [640, 480],
  [768, 576],
  [768, 768],
  [1024, 768],
];

export class Settings {
  readonly #model = find("model", HTMLSelectElement);
  readonly #size = find("size", HTMLSelectElement);
  readonly #variant = find("variant", HTMLSelectElement);
  readonly #threads = find("threads", HTMLSelectElement);
  readonly #note = find("threads-note", HTMLParagraphElement);
  readonly #facts = find("facts", HTMLElement);
  #models: readonly ModelChoice[] = [];

  /**
   * @param onModel another model was chosen
   * @param onEngine the same model is to be loaded in another way
   */
  constructor(onModel: () => void, onEngine: () => void) {
    this.#model.addEventListener("change", onModel);
    for (const select of [this.#size, this.#variant, this.#threads])
      select.addEventListener("change", onEngine);
    fill(this.#variant, [["", "fastest"], ...VARIANTS.map((name) => [name, name] as const)]);
    const counts = [1, 2, 3, 4, 6, 8, 12, 16].filter((count) => count <= navigator.hardwareConcurrency);
    fill(
      this.#threads,
      counts.map((count) => [String(count), String(count)]),
    );
    const { isolated, noThreads } = threadSupport();
    this.#threads.disabled = !isolated;
    this.#note.textContent = noThreads ? upperFirst(noThreads) : "";
  }

  get model(): ModelChoice | undefined {
    return this.#models[this.#model.selectedIndex];
  }

  get engine(): EngineChoice {
    const [width, height] = this.#size.value.split("x").map(Number);
    const variant = VARIANTS.find((name) => name === this.#variant.value);
    const threads = Number(this.#threads.value);
    return {
      ...(width && height && { width, height }),
      ...(variant && { variant }),
      ...(threads > 1 && { threads }),
    };
  }

  setModels(models: readonly ModelChoice[], chosen: number): void {
    this.#models = models;
    fill(
      this.#model,
      models.map(({ name }, at) => [String(at), name]),
    );
    this.#model.selectedIndex = chosen;
  }

  /** Offers the input sizes that a model can take. */
  offerSizes({ width, height, stride }: Pick<Model, "width" | "height" | "stride">): void {
    const before = this.#size.value;
    const sizes = SIZES.filter(([w, h]) => w % stride === 0 && h % stride === 0);
    const others = sizes.filter(([w, h]) => w !== width || h !== height);
    fill(this.#size, [
      ["", `${width} × ${height} (model)`],
      ...others.map(([w, h]) => [`${w}x${h}`, `${w} × ${h}`] as const),
    ]);
    this.#size.value = before;
    if (this.#size.selectedIndex < 0) this.#size.selectedIndex = 0;
  }

  /** Shows what was loaded. */
  show(info: AsyncSegmenterInfo): void {
    const asked = Number(this.#threads.value);
    const fewer = asked > 1 && info.threads < asked;
    if (info.isolated) this.#note.textContent = fewer ? upperFirst(info.noThreads ?? "fewer are in use") : "";
    const facts = [
      ["Build in use", info.variant],
      ["Threads in use", String(info.threads)],
      ["Engine memory", `${formatBytes(info.memoryBytes)}, fixed`],
      ["Activations", formatBytes(info.arenaBytes)],
      ["Model file", formatBytes(info.fileBytes)],
      ["Parameters", formatCount(info.parameters)],
      ["Multiplications", `${(info.macs / 1e6).toFixed(0)} million`],
      ["Operations", String(info.ops.length)],
    ];
    this.#facts.replaceChildren(
      ...facts.map(([name, value]) => make("div", {}, make("dt", {}, name!), make("dd", {}, value!))),
    );
  }
}

function fill(select: HTMLSelectElement, options: readonly (readonly [value: string, text: string])[]): void {
  select.replaceChildren(...options.map(([value, text]) => make("option", { value, textContent: text })));
}

function upperFirst(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
