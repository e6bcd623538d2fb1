import { type IsolationScope, whyNotIsolated } from "../isolation.js";

/** Whether this page or worker can share memory between threads. */
export interface ThreadSupport {
  /** Cross-origin isolated, so that memory can be shared. */
  readonly isolated: boolean;
  /** Why there can be no threads, and what would help; absent where there can. */
  readonly noThreads?: string;
}

/**
 * Says whether threads are possible here, and if not, why.
 *
 * @param scope the global scope of the page or worker
 */
export function threadSupport(scope: IsolationScope = globalThis): ThreadSupport {
  return scope.crossOriginIsolated
    ? { isolated: true }
    : { isolated: false, noThreads: whyNotIsolated(scope) };
}
