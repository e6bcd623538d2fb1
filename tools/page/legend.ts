/** The classes with their colours and shares of the picture, the largest first. */
import { histogram } from "../../src/mask.js";
import { formatShare } from "../table.js";
import { cssColor, find, make, makeBar } from "./dom.js";
import type { Classes } from "./stage.js";

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
  readonly #list = find("legend", HTMLUListElement);
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
    this.#list.replaceChildren(...this.#rows.map(({ item }) => item));
  }

  /** @param shares of all classes, in the order to be shown */
  show(shares: readonly ClassShare[]): void {
    const focused = document.activeElement;
    for (const [place, { id, share }] of shares.entries()) {
      const row = this.#rows[id]!;
      row.share.textContent = formatShare(share);
      row.fill.style.width = `${100 * share}%`;
      row.button.className = share > 0 ? "" : "absent";
      if (this.#list.children[place] !== row.item)
        this.#list.insertBefore(row.item, this.#list.children[place]!);
    }
    if (focused instanceof HTMLElement && this.#list.contains(focused))
      focused.focus({ preventScroll: true });
  }

  #choose(id: number): void {
    this.#chosen = this.#chosen === id ? undefined : id;
    this.#rows.forEach(({ button }, at) => {
      button.ariaPressed = String(at === this.#chosen);
    });
    this.#onChoose(this.#chosen);
  }
}
