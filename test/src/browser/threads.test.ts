import { expect, test } from "vitest";
import { threadSupport } from "../../../src/browser/threads.js";

test("threads are possible only where memory can be shared, and the reason names the remedy", () => {
  const shared = class {};
  expect(threadSupport({ crossOriginIsolated: true, SharedArrayBuffer: shared })).toEqual({ isolated: true });
  const cases = [
    [
      { crossOriginIsolated: false, isSecureContext: true },
      /Cross-Origin-Opener-Policy.*Cross-Origin-Embedder-Policy/,
    ],
    [{ crossOriginIsolated: false, isSecureContext: false }, /https/],
    [{}, /shared memory, which this host lacks/],
  ] as const;
  for (const [scope, reason] of cases) {
    const support = threadSupport(scope);
    expect(support.isolated).toBe(false);
    expect(support.noThreads).toMatch(reason);
  }
});
