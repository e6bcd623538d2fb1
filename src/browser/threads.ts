/** Whether this page or worker can share memory between threads. */
export interface ThreadSupport {
  /** Cross-origin isolated, so that memory can be shared. */
  readonly isolated: boolean;
  /** Why there can be no threads, and what would help; absent where there can. */
  readonly noThreads?: string;
}

/** The part of a global scope that decides. */
interface Scope {
  readonly crossOriginIsolated?: boolean;
  readonly isSecureContext?: boolean;
  readonly SharedArrayBuffer?: unknown;
}

/**
 * Says whether threads are possible here, and if not, why.
 *
 * @param scope the global scope of the page or worker
 */
export function threadSupport(scope: Scope = globalThis): ThreadSupport {
  if (scope.crossOriginIsolated) return { isolated: true };
  if (scope.isSecureContext === false) {
    return { isolated: false, noThreads: "threads need a secure context: serve the page by https" };
  }
  if (scope.crossOriginIsolated === undefined && scope.SharedArrayBuffer === undefined) {
    return { isolated: false, noThreads: "threads need shared memory, which this host lacks" };
  }
  return {
    isolated: false,
    noThreads:
      "threads need cross-origin isolation: send Cross-Origin-Opener-Policy: same-origin and " +
      "Cross-Origin-Embedder-Policy: require-corp with the page and the worker",
  };
}
