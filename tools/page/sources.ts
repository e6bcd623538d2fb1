/** Where pictures come from: files that are chosen, dropped or pasted, and the camera. */
import { find } from "./dom.js";

/** What a camera is asked for, pixels. */
const CAMERA = { width: { ideal: 1280 }, height: { ideal: 720 }, facingMode: "environment" };

/** Calls `onFile` for every file that the user chooses, drops or pastes. */
export function watchFiles(onFile: (file: File) => void): void {
  const input = find("file", HTMLInputElement);
  find("open", HTMLButtonElement).addEventListener("click", () => input.click());
  const take = (files: FileList | null | undefined) => {
    if (files?.[0]) onFile(files[0]);
  };
  input.addEventListener("change", () => {
    take(input.files);
    input.value = "";
  });
  const body = document.body;
  const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes("Files");
  body.addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    body.classList.add("dropping");
  });
  body.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) body.classList.remove("dropping");
  });
  body.addEventListener("drop", (event) => {
    event.preventDefault();
    body.classList.remove("dropping");
    take(event.dataTransfer?.files);
  });
  document.addEventListener("paste", (event) => take(event.clipboardData?.files));
}

/**
 * The camera's picture, playing.
 *
 * @throws Error that says why there is none
 */
export async function openCamera(): Promise<HTMLVideoElement> {
  if (!navigator.mediaDevices) throw new Error("The camera needs a secure page: https or localhost.");
  let stream: MediaStream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: CAMERA, audio: false });
  } catch (error) {
    const reasons: Record<string, string> = {
      NotAllowedError: "The camera was not allowed.",
      NotFoundError: "There is no camera.",
      NotReadableError: "The camera is in use elsewhere.",
    };
    throw new Error(
      reasons[(error as Error).name] ?? `The camera cannot be used: ${(error as Error).message}`,
    );
  }
  const video = makeVideo();
  video.srcObject = stream;
  await start(video, "The camera gives no picture.");
  return video;
}

/**
 * A video file, playing over and over.
 *
 * @throws Error if the browser cannot play it
 */
export async function openVideo(file: Blob, name: string): Promise<HTMLVideoElement> {
  const video = makeVideo();
  video.loop = true;
  video.src = URL.createObjectURL(file);
  await start(video, `${name} cannot be played by this browser.`);
  return video;
}

/** Ends a video and gives back the camera or file behind it. */
export function closeVideo(video: HTMLVideoElement): void {
  video.pause();
  if (video.srcObject instanceof MediaStream) for (const track of video.srcObject.getTracks()) track.stop();
  if (video.src) URL.revokeObjectURL(video.src);
  video.srcObject = null;
  video.removeAttribute("src");
}

function makeVideo(): HTMLVideoElement {
  const video = document.createElement("video");
  Object.assign(video, { muted: true, playsInline: true });
  return video;
}

async function start(video: HTMLVideoElement, complaint: string): Promise<void> {
  try {
    await video.play();
  } catch {
    closeVideo(video);
    throw new Error(complaint);
  }
}
