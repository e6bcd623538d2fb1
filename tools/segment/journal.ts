import { writeError, writeOutput } from "../common/files.js";
import { type Progress, startProgress } from "../common/progress.js";
import { oneLine } from "../common/text.js";
import { describe, type Report, summarize } from "./report.js";

/** What of the reports is printed, and where. */
export interface JournalOptions {
  /** A text for people, a JSON object a line as soon as it is known, or nothing. */
  readonly form: "text" | "lines" | "none";
  /** Standard output holds something else. */
  readonly toError: boolean;
}

/** From this many images on, the report on each takes one line. */
const MANY = 20;

/** Says what became of each image, in the order of the command line, while a progress bar counts them. */
export class Journal {
  readonly reports: Report[] = [];
  readonly #options: JournalOptions;
  readonly #progress: Progress;
  readonly #isLong: boolean;
  #added = 0;
  #shown = 0;

  constructor(total: number, options: JournalOptions) {
    this.#options = options;
    this.#isLong = total >= MANY;
    this.#progress = startProgress("photos", total);
  }

  add(index: number, report: Report): void {
    this.reports[index] = report;
    this.#progress.update(++this.#added, report.photo);
    for (let next = this.reports[this.#shown]; next; next = this.reports[++this.#shown]) {
      const shown = next;
      this.#progress.interrupt(() => this.#show(shown));
    }
  }

  /** @param leftOut what was not looked at, in one line */
  end(leftOut?: string): void {
    this.#progress.stop();
    const skipped = this.reports.filter((report) => report?.skipped).length;
    const failed = this.reports.filter((report) => report?.error !== undefined).length;
    const counts = [
      `${this.reports.length - skipped - failed} photos segmented`,
      ...(skipped > 0 ? [`${skipped} were done before`] : []),
      ...(failed > 0 ? [`${failed} failed`] : []),
    ];
    if (this.#options.form !== "text") return;
    if (this.#isLong || skipped > 0) this.#write(`${counts.join(", ")}\n`);
    if (leftOut !== undefined) this.#write(`${leftOut}\n`);
  }

  #show(report: Report): void {
    if (report.error !== undefined) process.exitCode = 1;
    if (this.#options.form === "lines") this.#write(`${JSON.stringify(report)}\n`);
    for (const line of [report.error ?? [], report.warnings ?? []].flat()) {
      writeError(`attendseg: ${oneLine(line)}\n`);
    }
    if (this.#options.form !== "text" || report.error !== undefined || report.skipped) return;
    this.#write(this.#isLong ? summarize(report) : describe(report));
  }

  #write(text: string): void {
    if (this.#options.toError) writeError(text);
    else writeOutput(text);
  }
}
