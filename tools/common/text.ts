/** Text for terminals: names come from files of strangers, and may hold what moves cursors or hides words. */

/** Controls (C0 but for line feed and tab, DEL, C1), marks that reorder text, line separators and lone surrogates. */
const UNSAFE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

const escaped = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;

/** Text as it may go to a terminal: what could act there is written as \uXXXX, which JSON reads back as it was. */
export function printable(text: string): string {
  return text.replace(UNSAFE, escaped);
}

/** A name on one line: as `printable`, with line feeds and tabs written out too. */
export function oneLine(name: string): string {
  return printable(name).replaceAll("\n", "\\n").replaceAll("\t", "\\t");
}
