/** Workers of the library's own scripts, wherever these come from. */

/** How a caller names a worker: its address, or how to make it. */
export type WorkerSource = string | URL | (() => Worker);

/** The part of `trustedTypes` that is used; browsers that have it may refuse plain addresses. */
interface TrustedTypesHost {
  readonly trustedTypes?: {
    createPolicy(
      name: string,
      rules: { createScriptURL: (text: string) => string },
    ): { createScriptURL(text: string): unknown };
  };
}

let policy: ReturnType<NonNullable<TrustedTypesHost["trustedTypes"]>["createPolicy"]> | undefined;

/**
 * Starts a module worker.
 *
 * @param literal starts the script beside the library, written so that bundlers see it
 * @param address of that script
 * @param given what the caller wants instead
 * @throws whatever the host says of an address that it refuses
 */
export function startWorker(literal: () => Worker, address: () => URL, given?: WorkerSource): Worker {
  if (typeof given === "function") return given();
  if (given !== undefined) return startFrom(new URL(given, globalThis.location?.href));
  const script = address();
  if (isForeign(script)) return startFrom(script);
  try {
    return literal();
  } catch (error) {
    // plain addresses are refused by require-trusted-types-for
    if (!(globalThis as TrustedTypesHost).trustedTypes) throw error;
    return startFrom(script);
  }
}

/** Whether an address is of another origin: Chromium throws, Firefox fails later. */
function isForeign({ protocol, origin }: URL): boolean {
  return /^https?:$/.test(protocol) && origin !== globalThis.location?.origin;
}

/**
 * A worker from an address. One of another origin, such as a CDN's, may not be a worker's own script, but a script of
 * this origin may import it.
 */
function startFrom(address: URL): Worker {
  if (!isForeign(address)) return startModule(address.href);
  const blob = new Blob([`import ${JSON.stringify(address.href)};`], { type: "text/javascript" });
  const own = URL.createObjectURL(blob);
  const worker = startModule(own);
  // it is read once the worker starts, and nothing tells when
  worker.addEventListener("message", () => URL.revokeObjectURL(own), { once: true });
  return worker;
}

function startModule(address: string): Worker {
  const { trustedTypes } = globalThis as TrustedTypesHost;
  policy ??= trustedTypes?.createPolicy("attendseg", { createScriptURL: (text) => text });
  const script = (policy?.createScriptURL(address) ?? address) as string;
  return new Worker(script, { type: "module", name: "attendseg" });
}
