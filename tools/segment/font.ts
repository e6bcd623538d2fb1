/** Letters of 5 x 7 pixels for the legend. */

export const GLYPH_WIDTH = 5;
export const GLYPH_HEIGHT = 7;

/** Seven digits of base 32, each a row of five pixels, the leftmost the highest bit. */
const GLYPHS: Readonly<Record<string, string>> = {
  " ": "0000000",
  A: "ehhvhhh",
  B: "uhhuhhu",
  C: "fgggggf",
  D: "uhhhhhu",
  E: "vgguggv",
  F: "vgguggg",
  G: "fggnhhf",
  H: "hhhvhhh",
  I: "e44444e",
  J: "72222ic",
  K: "hikokih",
  L: "ggggggv",
  M: "hrllhhh",
  N: "hpplljh",
  O: "ehhhhhe",
  P: "uhhuggg",
  Q: "ehhhlid",
  R: "uhhukih",
  S: "fgge11u",
  T: "v444444",
  U: "hhhhhhe",
  V: "hhhhaa4",
  W: "hhhllla",
  X: "hha4ahh",
  Y: "hha4444",
  Z: "v1248gv",
  0: "ehjlphe",
  1: "4c4444e",
  2: "eh1248v",
  3: "eh161he",
  4: "26aiv22",
  5: "vgu11he",
  6: "68guhhe",
  7: "v124888",
  8: "ehhehhe",
  9: "ehhf12c",
  "%": "pq248bj",
  "-": "000e000",
  ".": "00000cc",
  ",": "0000c48",
  "/": "11248gg",
  "(": "2488842",
  "<": "248g842",
  ")": "8422248",
  "&": "cik8lid",
  "+": "044v440",
  "'": "4400000",
  "?": "eh12404",
};

/**
 * A class name in letters that there are: capitals, words of camel case apart, others as "?".
 */
export function spell(name: string): string {
  const words = name.normalize("NFKD").replace(/\p{M}/gu, "").replace(/_/g, " ");
  const apart = words.replace(/([a-z])([A-Z])|([A-Z])([A-Z][a-z])/g, "$1$3 $2$4").toUpperCase();
  return Array.from(apart, (letter) => (letter in GLYPHS ? letter : "?")).join("");
}

/** Whether a pixel of a letter is ink. */
export function hasInk(letter: string, x: number, y: number): boolean {
  return ((Number.parseInt(GLYPHS[letter]![y]!, 32) >> (GLYPH_WIDTH - 1 - x)) & 1) === 1;
}
