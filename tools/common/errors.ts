/** A mistake in what the user asked for or handed over. The message is one line that names the thing. */
export class UserError extends Error {
  override readonly name: string = "UserError";
}

/** A mistake on the command line itself: exit code 2. */
export class UsageError extends UserError {
  override readonly name = "UsageError";
}

/** Errors that are the fault of an input, by name, wherever they were thrown. */
const EXPECTED = new Set(["UserError", "UsageError", "ModelError", "EnvironmentError", "ConvertError"]);

/** Whether an error says what is wrong with the input, as opposed to a bug of ours. */
export function isExpected(error: unknown): error is Error {
  return error instanceof Error && EXPECTED.has(error.name);
}

/** The message of anything thrown, on one line. */
export function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replace(/\s*\n\s*/g, " ").trim();
}
