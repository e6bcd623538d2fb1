/** The demo page: one picture or video at a time through one segmenter in a worker. */
import {
  AsyncSegmenter,
  decodeImage,
  readImage,
  segmentStream,
  sizeOf,
  sizeWithin,
} from "../../src/browser/index.js";
import { parseModel } from "../../src/model.js";
import { readSource } from "../../src/source.js";
import { type ClassShare, countShares } from "../common/shares.js";
import { formatBytes, formatMilliseconds, formatShare } from "../common/table.js";
import { find } from "./dom.js";
import { Legend } from "./legend.js";
import { saveMask, saveOverlay } from "./save.js";
import { type ModelChoice, Settings } from "./settings.js";
import { closeVideo, openCamera, openVideo, watchFiles } from "./sources.js";
import { Speed } from "./speed.js";
import { Stage } from "./stage.js";

/** Larger photos and video frames are reduced to this, pixels a side. */
const IMAGE_SIDE = 4096;
const VIDEO_SIDE = 1280;
/** Between two updates of texts while a video runs, milliseconds. */
const PATIENCE = 250;
/** Classes named in the status line. */
const NAMED = 3;

/** What is being looked at. */
type Shown =
  | { readonly kind: "photo"; readonly name: string; readonly image: ImageData }
  | { readonly kind: "video"; readonly name: string; readonly video: HTMLVideoElement };

const stage = new Stage();
const speed = new Speed();
const legend = new Legend((id) => stage.showOnly(id));
const settings = new Settings(
  () => act(loadModel),
  () => act(loadEngine),
);
const status = find("status", HTMLParagraphElement);
const complaint = find("error", HTMLParagraphElement);
const progress = find("progress", HTMLProgressElement);
const stop = find("stop", HTMLButtonElement);
const pause = find("pause", HTMLButtonElement);
const opacity = find("opacity", HTMLInputElement);
const saveButtons = [find("save-mask", HTMLButtonElement), find("save-overlay", HTMLButtonElement)] as const;

let shown: Shown | undefined;
let models: ModelChoice[] = [];
let bytes: Uint8Array | undefined;
let segmenter: AsyncSegmenter | undefined;
/** What runs now; a new action ends the one before. */
let current = new AbortController();

/** Starts an action of the user: ends what runs, shows what goes wrong. */
async function act(action: (signal: AbortSignal) => Promise<void>): Promise<void> {
  current.abort();
  current = new AbortController();
  const { signal } = current;
  complaint.hidden = true;
  stop.disabled = false;
  try {
    await action(signal);
  } catch (error) {
    if (signal.aborted) return;
    complaint.textContent = (error as Error).message;
    complaint.hidden = false;
    status.textContent = "";
  } finally {
    if (current.signal === signal) {
      stop.disabled = true;
      progress.hidden = true;
    }
  }
}

/** Fetches the chosen model, offers its sizes, loads it. */
async function loadModel(signal: AbortSignal): Promise<void> {
  bytes = undefined;
  dropSegmenter();
  const choice = settings.model;
  if (!choice) throw new Error("There is no model: drop an .aseg file.");
  bytes = await readSource(choice.source, {
    signal,
    onProgress: (received) => {
      status.textContent = `Fetching ${choice.name}: ${formatBytes(received)}`;
    },
  });
  settings.offerSizes(parseModel(bytes));
  await loadEngine(signal);
}

/** Loads the model as chosen and segments again what is shown. */
async function loadEngine(signal: AbortSignal): Promise<void> {
  if (!bytes) return loadModel(signal);
  dropSegmenter();
  const loaded = await AsyncSegmenter.load(bytes, { ...settings.engine, signal });
  segmenter = loaded;
  stage.clearMask();
  stage.setClasses(loaded);
  legend.setClasses(loaded);
  settings.show(loaded.info);
  speed.reset(loaded.info.ops);
  if (shown) await segmentShown(signal);
  else status.textContent = "Ready.";
}

/** Puts something new on the stage and segments it. */
async function show(next: Shown, signal: AbortSignal): Promise<void> {
  if (shown?.kind === "video") closeVideo(shown.video);
  shown = next;
  pause.hidden = next.kind !== "video";
  setPaused(false);
  speed.reset();
  stage.clearMask();
  if (next.kind === "photo") stage.showImage(next.image);
  if (segmenter) await segmentShown(signal);
  else await loadEngine(signal);
}

function dropSegmenter(): void {
  segmenter?.dispose();
  segmenter = undefined;
  status.textContent = "Loading…";
  for (const button of saveButtons) button.disabled = true;
}

async function segmentShown(signal: AbortSignal): Promise<void> {
  if (shown?.kind === "photo") await segmentImage(shown.name, shown.image, signal);
  else if (shown) await segmentVideo(shown.name, shown.video, signal);
}

async function segmentImage(name: string, image: ImageData, signal: AbortSignal): Promise<void> {
  status.textContent = `Segmenting ${name}…`;
  const result = await segmenter!.segmentAsync(image, {
    signal,
    onProgress: (done, total) => {
      progress.hidden = false;
      progress.value = done / total;
    },
  });
  stage.showMask(result);
  speed.add(result.milliseconds);
  report(`${name}, ${result.width} × ${result.height}`);
}

async function segmentVideo(name: string, video: HTMLVideoElement, signal: AbortSignal): Promise<void> {
  let told = Number.NEGATIVE_INFINITY;
  for await (const result of segmentStream(segmenter!, video, { signal, maxSide: VIDEO_SIDE })) {
    stage.showImage(result.frame);
    stage.showMask(result);
    speed.add(result.milliseconds, result.dropped);
    if (performance.now() - told < PATIENCE) continue;
    told = performance.now();
    report(name);
  }
  status.textContent = `${name} has ended.`;
}

/** Shows shares and times of the mask on the stage. */
function report(name: string): void {
  const shares = countShares(stage.mask!.mask, segmenter!.classes);
  legend.show(shares);
  speed.show();
  status.textContent = `${name}: ${formatMilliseconds(speed.mean)}. ${listLargest(shares)}`;
  for (const button of saveButtons) button.disabled = false;
}

function listLargest(shares: readonly ClassShare[]): string {
  const largest = shares.slice(0, NAMED).filter(({ share }) => share > 0);
  return `${largest.map(({ name, share }) => `${name} ${formatShare(share)}`).join(", ")}.`;
}

/** Opens a file of the user: a model, a video or a photo. */
async function openFile(file: File, signal: AbortSignal): Promise<void> {
  const name = file.name.replace(/\.[^.]*$/, "");
  if (/\.aseg$/i.test(file.name)) {
    models = [...models, { name: file.name, source: new Uint8Array(await file.arrayBuffer()) }];
    settings.setModels(models, models.length - 1);
    await loadModel(signal);
  } else if (file.type.startsWith("video/")) {
    await show({ kind: "video", name, video: await openVideo(file, file.name) }, signal);
  } else {
    await show({ kind: "photo", name, image: await loadImage(file, file.name) }, signal);
  }
}

async function loadImage(file: Blob, name: string): Promise<ImageData> {
  const bitmap = await decodeImage(file).catch(() => {
    throw new Error(`${name} is no picture that this browser can read.`);
  });
  try {
    return readImage(bitmap, sizeWithin(sizeOf(bitmap), IMAGE_SIDE));
  } finally {
    bitmap.close();
  }
}

async function showSample(signal: AbortSignal): Promise<void> {
  const response = await fetch("street.jpg", { signal });
  if (!response.ok) throw new Error("The sample is missing.");
  const image = await loadImage(await response.blob(), "The sample");
  await show({ kind: "photo", name: "street", image }, signal);
}

function setPaused(paused: boolean): void {
  pause.textContent = paused ? "Play" : "Pause";
  pause.ariaPressed = String(paused);
}

/** Ends what runs; a camera is switched off. */
function stopAll(): void {
  if (stop.disabled) return;
  current.abort();
  stop.disabled = true;
  progress.hidden = true;
  pause.hidden = true;
  if (shown?.kind === "video") {
    closeVideo(shown.video);
    shown = { kind: "photo", name: shown.name, image: stage.readImage() };
  }
  status.textContent = "Stopped.";
}

function showOpacity(): void {
  stage.setOpacity(Number(opacity.value) / 100);
  find("opacity-value", HTMLOutputElement).value = `${opacity.value} %`;
}

async function save(kind: "mask" | "overlay"): Promise<void> {
  const { mask } = stage;
  if (!mask || !shown || !segmenter) return;
  if (kind === "mask") await saveMask(shown.name, mask, segmenter.palette);
  else {
    const image = stage.readImage();
    await saveOverlay(shown.name, image, mask, segmenter.palette, Number(opacity.value) / 100);
  }
}

function wire(): void {
  watchFiles((file) => act((signal) => openFile(file, signal)));
  find("sample", HTMLButtonElement).addEventListener("click", () => act(showSample));
  find("camera", HTMLButtonElement).addEventListener("click", () =>
    act(async (signal) => show({ kind: "video", name: "camera", video: await openCamera() }, signal)),
  );
  stop.addEventListener("click", stopAll);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") stopAll();
  });
  pause.addEventListener("click", () => {
    if (shown?.kind !== "video") return;
    const { video } = shown;
    setPaused(!video.paused);
    if (video.paused) void video.play();
    else video.pause();
  });
  opacity.addEventListener("input", showOpacity);
  saveButtons[0].addEventListener("click", () => save("mask"));
  saveButtons[1].addEventListener("click", () => save("overlay"));
  showOpacity();
}

/** Learns which models there are, then shows the sample. */
async function start(signal: AbortSignal): Promise<void> {
  const response = await fetch("models.json");
  if (!response.ok) throw new Error("The list of models is missing.");
  const list: { name: string; url: string }[] = await response.json();
  models = list.map(({ name, url }) => ({ name, source: new URL(url, document.baseURI).href }));
  settings.setModels(models, 0);
  await act(signal.aborted ? loadEngine : showSample);
}

/** A page on a file host keeps itself for later visits: see tools/site. */
function keepForLater(): void {
  if (!document.querySelector('link[rel="manifest"]') || !navigator.serviceWorker) return;
  // a host without https has none; the page works all the same
  navigator.serviceWorker.register("service-worker.js").catch(() => {});
}

wire();
keepForLater();
void act(start);
