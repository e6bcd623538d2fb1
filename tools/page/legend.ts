/** The classes with their colours and shares of the picture, the largest first. */
import { histogram } from "../../src/mask.js";
import { formatShare } from "../common/table.js";
import { cssColor, find, make, makeBar } from "./dom.js";
import type { Classes } from "./stage.js";

/** Shares below this are not told apart. */
const LEAST = 0.001;

/** A class's part of the picture, 0..1. */
export interface ClassShare {
  readonly id: number;
  readonly name: string;
  readonly share: number;
}

/** Shares of all classes, the largest first. */
export function countShares(mask: Uint8Array, classes: readonly string[]): ClassShare[] {
  const counts = histogram(mask, classes.length);
  return classes
    .map((name, id) => ({ id, name, share: counts[id]! / mask.length }))
    .sort((a, b) => b.share - a.share || a.id - b.id);
}

export class Legend {
  readonly #present = find("legend", HTMLUListElement);
  readonly #absent = find("absent", HTMLUListElement);
  readonly #count = find("absent-count", HTMLElement);
  readonly #onChoose: (id: number | undefined) => void;
  #rows: { item: HTMLLIElement; button: HTMLButtonElement; share: HTMLElement; fill: HTMLElement }[] = [];
  #chosen: number | undefined;

  /** @param onChoose told the one class to show, or undefined for all */
  constructor(onChoose: (id: number | undefined) => void) {
    this.#onChoose = onChoose;
  }

  setClasses({ classes, palette }: Classes): void {
    this.#chosen = undefined;
    this.#rows = classes.map((name, id) => {
      const swatch = make("span", { className: "swatch" });
      swatch.style.background = cssColor(palette[id]!);
      const share = make("span", { className: "share" });
      const bar = makeBar(0, cssColor(palette[id]!));
      const button = make("button", { type: "button", ariaPressed: "false" }, swatch, name, share, bar);
      button.addEventListener("click", () => this.#choose(id));
      return { item: make("li", {}, button), button, share, fill: bar.firstElementChild as HTMLElement };
    });
    this.#present.replaceChildren();
    this.#absent.replaceChildren(...this.#rows.map(({ item }) => item));
  }

  /** @param shares of all classes, in the order to be shown */
  show(shares: readonly ClassShare[]): void {
    const focused = document.activeElement;
    const present = shares.filter(({ share }) => share > 0);
    for (const { id, share } of present) {
      const row = this.#rows[id]!;
      row.share.textContent = share < LEAST ? `< ${formatShare(LEAST)}` : formatShare(share);
      row.fill.style.width = `${100 * share}%`;
    }
    this.#arrange(this.#present, present);
    const absent = shares.filter(({ share }) => share === 0).sort((a, b) => a.id - b.id);
    this.#arrange(this.#absent, absent);
    this.#count.textContent = `Classes that do not occur: ${absent.length}`;
    if (focused instanceof HTMLElement && focused.isConnected) focused.focus({ preventScroll: true });
  }

  /** Puts the rows of classes into a list, in order; those in place already are not touched. */
  #arrange(list: HTMLUListElement, shares: readonly ClassShare[]): void {
    for (const [place, { id }] of shares.entries()) {
      const { item } = this.#rows[id]!;
      if (list.children[place] !== item) list.insertBefore(item, list.children[place] ?? null);
    }
  }

  #choose(id: number): void {
    this.#chosen = this.#chosen === id ? undefined : id;
    this.#rows.forEach(({ button }, at) => {
      button.ariaPressed = String(at === this.#chosen);
    });
    this.#onChoose(this.#chosen);
  }
}
