/** The picture, the colours over it, and a probe that says what is where. */
import { type Drawable, type MaskImage, MaskPainter, sizeOf } from "../../src/browser/index.js";
import type { Color } from "../../src/index.js";
import { find } from "./dom.js";

/** Part of the picture that an arrow key moves the probe by. */
const STEP = 1 / 40;

/** What a mask's ids mean. */
export interface Classes {
  readonly classes: readonly string[];
  readonly palette: readonly Color[];
}

export class Stage {
  readonly #stage = find("stage", HTMLDivElement);
  readonly #canvas = find("picture", HTMLCanvasElement);
  readonly #colors = find("colors", HTMLCanvasElement);
  readonly #mark = find("mark", HTMLDivElement);
  readonly #tip = find("tip", HTMLSpanElement);
  readonly #probe = find("probe", HTMLParagraphElement);
  readonly #spoken = find("spoken", HTMLParagraphElement);
  readonly #context: CanvasRenderingContext2D;
  #painter: MaskPainter | undefined;
  #names: readonly string[] = [];
  #mask: MaskImage | undefined;
  #only: number | undefined;
  /** Where the probe is, as parts of width and height. */
  #at: { x: number; y: number } | undefined;

  constructor() {
    this.#context = this.#canvas.getContext("2d", { willReadFrequently: true })!;
    const stage = this.#stage;
    const follow = (event: PointerEvent) => {
      const box = stage.getBoundingClientRect();
      this.#move((event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
    };
    stage.addEventListener("pointermove", follow);
    stage.addEventListener("pointerdown", follow);
    stage.addEventListener("pointerleave", () => this.#hideProbe());
    stage.addEventListener("blur", () => this.#hideProbe());
    stage.addEventListener("keydown", (event) => this.#onKey(event));
  }

  /** Mask shown, if any. */
  get mask(): MaskImage | undefined {
    return this.#mask;
  }

  /** Pixels of the image shown, RGBA. */
  readImage(): ImageData {
    return this.#context.getImageData(0, 0, this.#canvas.width, this.#canvas.height);
  }

  /** What the ids of the masks to come mean. */
  setClasses({ classes, palette }: Classes): void {
    this.#names = classes;
    this.#painter = new MaskPainter(this.#colors, palette);
    this.#only = undefined;
  }

  /** Shows an image or frame; the colours stay until there are new ones. */
  showImage(image: Drawable | ImageData): void {
    const { width, height } = image instanceof ImageData ? image : sizeOf(image);
    const canvas = this.#canvas;
    if (canvas.width !== width || canvas.height !== height) {
      Object.assign(canvas, { width, height });
      this.#stage.style.setProperty("--ratio", String(width / height));
      this.clearMask();
    }
    if (image instanceof ImageData) this.#context.putImageData(image, 0, 0);
    else this.#context.drawImage(image, 0, 0);
  }

  showMask(mask: MaskImage): void {
    this.#mask = mask;
    this.#painter?.paint(mask, this.#only);
    this.#tell();
  }

  clearMask(): void {
    this.#mask = undefined;
    this.#colors.width = 1;
    this.#tell();
  }

  /** Shows one class alone, or all. */
  showOnly(id: number | undefined): void {
    this.#only = id;
    if (this.#mask) this.#painter?.paint(this.#mask, id);
  }

  /** @param opacity 0..1 */
  setOpacity(opacity: number): void {
    this.#colors.style.opacity = String(opacity);
  }

  #onKey(event: KeyboardEvent): void {
    const { width, height } = this.#canvas;
    const [stepX, stepY] = event.shiftKey ? [1 / width, 1 / height] : [STEP, STEP];
    const moves: Record<string, readonly [number, number]> = {
      ArrowLeft: [-stepX, 0],
      ArrowRight: [stepX, 0],
      ArrowUp: [0, -stepY],
      ArrowDown: [0, stepY],
      Home: [0, 0],
    };
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    const { x, y } = event.key === "Home" || !this.#at ? { x: 0.5, y: 0.5 } : this.#at;
    this.#move(x + move[0], y + move[1]);
    this.#spoken.textContent = this.#probe.textContent;
  }

  #move(x: number, y: number): void {
    const clamp = (value: number) => Math.min(1, Math.max(0, value));
    this.#at = { x: clamp(x), y: clamp(y) };
    this.#tell();
  }

  #hideProbe(): void {
    this.#at = undefined;
    this.#tell();
  }

  /** Says the class under the probe. */
  #tell(): void {
    const at = this.#at;
    const mask = this.#mask;
    this.#mark.hidden = !at || !mask;
    if (!at || !mask) {
      this.#probe.textContent = "Point at the picture, or focus it and use the arrow keys.";
      return;
    }
    const column = Math.min(mask.width - 1, Math.floor(at.x * mask.width));
    const row = Math.min(mask.height - 1, Math.floor(at.y * mask.height));
    const name = this.#names[mask.mask[row * mask.width + column]!] ?? "";
    this.#probe.textContent = `${name} at ${column}, ${row}`;
    this.#tip.textContent = name;
    this.#mark.style.left = `${100 * at.x}%`;
    this.#mark.style.top = `${100 * at.y}%`;
    this.#mark.className = [at.y < 0.15 && "low", at.x < 0.15 && "left", at.x > 0.85 && "right"]
      .filter(Boolean)
      .join(" ");
  }
}
