import { Presets, SingleBar } from "cli-progress";
import { oneLine } from "./text.js";

/** A progress bar, or nothing where nobody watches. */
export interface Progress {
  /** Shows that `done` of the total is done, with a few words on what is going on. */
  update(done: number, text?: string): void;
  /** Does something that prints, in the place of the bar, which moves below it. */
  interrupt(print: () => void): void;
  stop(): void;
}

const NOTHING: Progress = { update: () => {}, interrupt: (print) => print(), stop: () => {} };
const CLEAR_LINE = "\r\u001b[K";

/**
 * A progress bar on standard error, if that is a terminal.
 *
 * @param label what is counted, such as "frames"
 * @param total how many there are; a bar for one is not worth its line
 */
export function startProgress(label: string, total: number): Progress {
  if (!process.stderr.isTTY || total < 2) return NOTHING;
  const format = `{bar} {value}/{total} ${label}, {eta_formatted} left  {text}`;
  const bar = new SingleBar(
    { format, clearOnComplete: true, hideCursor: true, fps: 5, barsize: 30 },
    Presets.shades_classic,
  );
  bar.start(total, 0, { text: "" });
  return {
    update: (done, text = "") => bar.update(done, { text: oneLine(text) }),
    interrupt: (print) => {
      process.stderr.write(CLEAR_LINE);
      print();
      bar.updateETA();
      (bar as unknown as { render(isForced: boolean): void }).render(true);
    },
    stop: () => bar.stop(),
  };
}
