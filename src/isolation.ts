/** The part of a global scope that decides whether its memory can be shared between threads. */
export interface IsolationScope {
  readonly crossOriginIsolated?: boolean;
  readonly isSecureContext?: boolean;
  readonly SharedArrayBuffer?: unknown;
}

/** Why a page or worker is not cross-origin isolated, and what would help. */
export function whyNotIsolated(scope: IsolationScope): string {
  if (scope.isSecureContext === false) return "threads need a secure context: serve the page by https";
  if (scope.crossOriginIsolated === undefined && scope.SharedArrayBuffer === undefined) {
    return "threads need shared memory, which this host lacks";
  }
  return (
    "threads need cross-origin isolation (COOP and COEP headers): send Cross-Origin-Opener-Policy: same-origin and " +
    "Cross-Origin-Embedder-Policy: require-corp with the page and the worker"
  );
}

/** Why there can be no threads here, or undefined where there can: what is no page needs no isolation. */
export function noThreads(scope: IsolationScope = globalThis): string | undefined {
  const isPossible = scope.crossOriginIsolated !== false && typeof SharedArrayBuffer === "function";
  return isPossible ? undefined : whyNotIsolated(scope);
}
