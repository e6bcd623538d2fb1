/** A user's ONNX file (or options for it) that cannot be converted. The message names the node and what would help. */
export class ConvertError extends Error {
  override readonly name = "ConvertError";
}

/**
 * Does something with a user's graph. What it trips over there (an input or attribute that the operation must have, a
 * length that no array can have) becomes an error that names the place.
 *
 * @param where such as `Conv "stem/conv"`
 * @throws ConvertError
 */
export function checking<T>(where: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
    throw new ConvertError(`${where}: its inputs or attributes are not valid (${error.message})`);
  }
}
