/** Bytes of base64 text, with nothing but the language itself: worklets and shells have no `atob`. */
export function decodeBase64(text: string): Uint8Array<ArrayBuffer> {
  const padding = text.length - text.replace(/=+$/, "").length;
  const bytes = new Uint8Array((text.length / 4) * 3 - padding);
  for (let at = 0, end = 0, word = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    const digit = code > 96 ? code - 71 : code > 64 ? code - 65 : code > 47 ? code + 4 : code > 46 ? 63 : 62;
    word = (word << 6) | digit;
    // beyond the last byte, where padding stands, a typed array takes nothing
    if (at % 4 > 0) bytes[end++] = word >> (6 - 2 * (at % 4));
  }
  return bytes;
}
