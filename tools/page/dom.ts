/** Small helpers for the document. */

/**
 * The element of an id.
 *
 * @throws Error if the page lacks it or it is of another class
 */
export function find<T extends Element>(id: string, kind: new () => T): T {
  const element = document.getElementById(id);
  if (!(element instanceof kind)) throw new Error(`the page has no ${kind.name} called "${id}"`);
  return element;
}

/** A new element with properties and children. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  properties: Partial<HTMLElementTagNameMap[K]> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/** A bar that fills its track to a share of 0..1. Decoration: the number stands beside it. */
export function makeBar(share: number, color?: string): HTMLElement {
  const fill = make("div", { className: "fill" });
  fill.style.width = `${100 * share}%`;
  if (color) fill.style.background = color;
  const track = make("div", { className: "track" }, fill);
  track.ariaHidden = "true";
  return track;
}

/** A colour as CSS. */
export function cssColor([red, green, blue]: readonly [number, number, number]): string {
  return `rgb(${red} ${green} ${blue})`;
}
