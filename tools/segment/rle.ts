/** Masks in the form of COCO's annotations: run lengths, down each column, as `maskApi.c` of cocoapi packs them. */

/** A COCO data set of one image; `segmentation` is a compressed RLE. */
export interface Coco {
  /** See marks.ts. */
  readonly attendseg: string;
  readonly images: readonly {
    readonly id: number;
    readonly file_name: string;
    readonly width: number;
    readonly height: number;
  }[];
  readonly categories: readonly { readonly id: number; readonly name: string }[];
  readonly annotations: readonly {
    readonly id: number;
    readonly image_id: number;
    readonly category_id: number;
    readonly iscrowd: 1;
    /** Pixels. */
    readonly area: number;
    /** x, y, width, height. */
    readonly bbox: readonly number[];
    readonly segmentation: {
      readonly size: readonly [height: number, width: number];
      readonly counts: string;
    };
  }[];
}

/**
 * One annotation for each class that occurs.
 *
 * @param mask class ids [height, width]
 * @param chosen ids of the classes to tell of
 * @param photo file name of the image
 * @param mark see marks.ts
 */
export function toCoco(
  mask: Uint8Array,
  width: number,
  height: number,
  classes: readonly string[],
  chosen: readonly number[],
  photo: string,
  mark: string,
): Coco {
  const regions = classes.map(() => new Region());
  for (let x = 0, place = 0; x < width; x++) {
    for (let y = 0; y < height; y++, place++) regions[mask[y * width + x]!]!.add(place, x, y);
  }
  const annotations = chosen
    .filter((id) => regions[id]!.area > 0)
    .map((id, index) => {
      const { area, box } = regions[id]!;
      const counts = pack(regions[id]!.runs(width * height));
      const segmentation = { size: [height, width] as const, counts };
      return {
        id: index + 1,
        image_id: 1,
        category_id: id,
        iscrowd: 1 as const,
        area,
        bbox: box,
        segmentation,
      };
    });
  return {
    attendseg: mark,
    images: [{ id: 1, file_name: photo, width, height }],
    categories: chosen.map((id) => ({ id, name: classes[id]! })),
    annotations,
  };
}

/** The pixels of a class, met column by column. */
class Region {
  area = 0;
  /** Where runs begin and end, alternately. */
  readonly #edges: number[] = [];
  #end = -1;
  #left = Number.POSITIVE_INFINITY;
  #top = Number.POSITIVE_INFINITY;
  #right = -1;
  #bottom = -1;

  add(place: number, x: number, y: number): void {
    if (place !== this.#end) this.#edges.push(...(this.#end < 0 ? [place] : [this.#end, place]));
    this.#end = place + 1;
    this.area++;
    this.#left = Math.min(this.#left, x);
    this.#right = x;
    this.#top = Math.min(this.#top, y);
    this.#bottom = Math.max(this.#bottom, y);
  }

  /** x, y, width, height. */
  get box(): number[] {
    return [this.#left, this.#top, this.#right - this.#left + 1, this.#bottom - this.#top + 1];
  }

  /** Lengths of the runs outside and inside, alternately, outside first. */
  runs(total: number): number[] {
    const edges = [0, ...this.#edges, this.#end, ...(this.#end < total ? [total] : [])];
    return edges.slice(1).map((edge, at) => edge - edges[at]!);
  }
}

/** Run lengths as text: from the fourth on as differences from the one before the last, five bits a character. */
function pack(runs: readonly number[]): string {
  let text = "";
  runs.forEach((run, at) => {
    let rest = at > 2 ? run - runs[at - 2]! : run;
    for (let more = true; more; ) {
      const bits = rest & 31;
      rest >>= 5;
      more = bits & 16 ? rest !== -1 : rest !== 0;
      text += String.fromCharCode(48 + (more ? bits | 32 : bits));
    }
  });
  return text;
}
