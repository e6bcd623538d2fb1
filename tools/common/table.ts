import { oneLine } from "./text.js";

/**
 * Lines of text with aligned columns: numbers to the right, everything else to the left.
 *
 * @param rows cells; a number is shown as it is, so round it before
 * @param head names of the columns
 */
export function formatTable(
  rows: readonly (readonly (string | number)[])[],
  head?: readonly string[],
): string {
  const isNumber = (head ?? rows[0] ?? []).map((_, column) => {
    return rows.every((row) => typeof row[column] === "number" || row[column] === "");
  });
  const lines = (head ? [head, ...rows] : rows).map((row) => row.map((cell) => oneLine(String(cell))));
  const widths = isNumber.map((_, column) => Math.max(...lines.map((cells) => cells[column]!.length)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) =>
        isNumber[column] ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!),
      )
      .join("  ")
      .trimEnd();
  return `${lines.map(line).join("\n")}\n`;
}

/** A Markdown table with aligned columns, the first one to the left, all others to the right. */
export function formatMarkdown(rows: readonly (readonly string[])[], head: readonly string[]): string {
  const widths = head.map((_, column) => Math.max(3, ...[head, ...rows].map((row) => row[column]!.length)));
  const line = (cells: readonly string[]) => {
    const padded = cells.map((cell, column) =>
      column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!),
    );
    return `| ${padded.join(" | ")} |`;
  };
  const rule = widths.map((width, column) =>
    column === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`,
  );
  return [head, rule, ...rows].map(line).join("\n");
}

/** A whole number with thousands set apart: 1,234,567. */
export function formatCount(value: number): string {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** A share of 1 in percent with one digit: 41.3 %. */
export function formatShare(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

/** A duration in milliseconds with two to three significant digits: 8.3 ms, 47 ms. */
export function formatMilliseconds(milliseconds: number): string {
  return `${milliseconds < 10 ? milliseconds.toFixed(1) : Math.round(milliseconds)} ms`;
}

/** A size in bytes: 812 B, 48.2 kB, 1.31 MB (of 1000). */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(2)} MB`;
}
