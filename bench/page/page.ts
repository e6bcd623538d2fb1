/** The comparison in the visitor's own browser: one frame for each engine, one inference of each in turn. */
import type { Spec } from "../engines/engine.js";
import { allSpecs } from "../engines/specs.js";
import { interleave, oneLine } from "../interleave.js";
import { agreement, type Summary, summarize } from "../statistics.js";
import type { PageBench } from "./runner.js";

/** Ticked at the start. */
const USUAL = /^(ours-(?!scalar)|litert-int8$|litert-f32$|tfjs-wasm$|ort-web-(f32|u8)$)/;

interface Loaded {
  readonly spec: Spec;
  readonly bench: PageBench;
  readonly firstMask: number;
  readonly share: number;
}

const find = <T extends Element>(selector: string) => document.querySelector<T>(selector)!;
const form = find<HTMLFormElement>("#options");
const status = find("#status");
const threads = Math.max(2, navigator.hardwareConcurrency);
const specs = allSpecs(threads).filter(
  (spec) => spec.hosts.includes("chromium") && (spec.threads === 1 || crossOriginIsolated),
);

for (const spec of specs) {
  const label = document.createElement("label");
  const box = document.createElement("input");
  box.type = "checkbox";
  box.value = spec.name;
  box.checked = USUAL.test(spec.name);
  label.append(box, ` ${spec.label}`);
  find("#engines").append(label);
}
find("#environment").textContent =
  `${navigator.userAgent}, ${navigator.hardwareConcurrency} cores, ` +
  `${crossOriginIsolated ? "threads possible" : "no threads: the page is not cross-origin isolated"}`;

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = find<HTMLButtonElement>("#start");
  button.disabled = true;
  try {
    await compare();
  } catch (error) {
    status.textContent = (error as Error).message;
  }
  button.disabled = false;
});

async function compare(): Promise<void> {
  const ticked = new Set(
    [...form.querySelectorAll<HTMLInputElement>("input[type=checkbox]:checked")].map(({ value }) => value),
  );
  const chosen = specs.filter(({ name }) => ticked.has(name));
  if (chosen.length === 0) throw new Error("Tick at least one engine.");
  for (const frame of document.querySelectorAll("iframe")) frame.remove();
  const right = await ownMask();
  const loaded: Loaded[] = [];
  const faults: string[] = [];
  for (const spec of chosen) {
    status.textContent = `Loading ${spec.label}`;
    try {
      loaded.push(await load(spec, right));
    } catch (error) {
      faults.push(`${spec.label}: ${oneLine(error)}`);
    }
  }
  const rounds = find<HTMLInputElement>("#rounds").valueAsNumber;
  const runners = loaded.map(({ spec, bench }) => ({
    spec,
    async run() {
      const { wall } = await bench.run(spec);
      return { wall, cpu: wall };
    },
  }));
  const outcomes = await interleave(runners, { rounds, repeats: 1, warmUp: 3 }, (round, all) => {
    status.textContent = `Round ${round + 1} of ${all}`;
  });
  const finished = loaded.flatMap((engine, index) => {
    const { samples, fault } = outcomes[index]!;
    if (fault === undefined) return [{ ...engine, times: summarize(samples, "wall") }];
    faults.push(`${engine.spec.label}: ${fault}`);
    return [];
  });
  show(finished);
  status.textContent = faults.length > 0 ? `Left out: ${faults.join("; ")}` : "Done";
}

/** The mask of the plainest build of ours. */
async function ownMask(): Promise<string> {
  const spec = specs.find(({ name }) => name === "ours-scalar") ?? specs[0]!;
  const bench = await openFrame();
  await bench.load(spec);
  return bench.mask();
}

async function load(spec: Spec, right: string): Promise<Loaded> {
  const bench = await openFrame();
  const { firstMask } = await bench.load(spec);
  const share = agreement(
    atob(bench.mask()) as unknown as ArrayLike<number>,
    atob(right) as unknown as ArrayLike<number>,
  );
  return { spec, bench, firstMask, share };
}

async function openFrame(): Promise<PageBench> {
  const frame = document.createElement("iframe");
  frame.src = "runner.html";
  document.body.append(frame);
  await new Promise((resolve) => {
    frame.onload = resolve;
  });
  return frame.contentWindow!.bench;
}

function show(finished: readonly (Loaded & { times: Summary })[]): void {
  const lines = [...finished].sort((a, b) => a.times.median - b.times.median);
  const most = lines.at(-1)?.times.median ?? 1;
  const rows = lines.map(({ spec, bench, firstMask, share, times }) => {
    const row = document.createElement("tr");
    row.classList.toggle("ours", spec.engine === "ours");
    const bar = document.createElement("span");
    bar.className = "bar";
    bar.style.width = `${(100 * times.median) / most}%`;
    const cells = [
      spec.label,
      times.median.toFixed(1),
      times.min.toFixed(1),
      bar,
      firstMask.toFixed(0),
      (bench.linearBytes() / 1e6).toFixed(1),
      `${(100 * share).toFixed(2)} %`,
    ];
    for (const content of cells) {
      const cell = document.createElement("td");
      if (content === bar) cell.className = "wide";
      cell.append(content);
      row.append(cell);
    }
    return row;
  });
  find("#results tbody").replaceChildren(...rows);
  find<HTMLTableElement>("#results").hidden = false;
}
