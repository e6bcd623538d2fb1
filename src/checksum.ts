const TABLE = new Int32Array(256).map((_, byte) => {
  let word = byte;
  for (let bit = 0; bit < 8; bit++) word = word & 1 ? (word >>> 1) ^ 0xedb88320 : word >>> 1;
  return word;
});

/** CRC-32 of the bytes (ISO 3309, as in PNG): an unsigned 32-bit integer. */
export function crc32(bytes: Uint8Array): number {
  let word = -1;
  for (let at = 0; at < bytes.length; at++) word = TABLE[(word ^ bytes[at]!) & 255]! ^ (word >>> 8);
  return ~word >>> 0;
}
