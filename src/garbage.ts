/** Ends the workers of objects that a program has lost: a hot reload or a framework drops them without `dispose`. */

/** Not every host has it, and only objects with workers need it. */
let registry: FinalizationRegistry<() => void> | undefined;

/** Calls `end` once nothing refers to `owner` any more; `end` must not refer to it either. */
export function watch(owner: object, end: () => void): void {
  if (typeof FinalizationRegistry === "undefined") return;
  registry ??= new FinalizationRegistry((finish) => finish());
  registry.register(owner, end, owner);
}

/** Takes back what `watch` was told of an object. */
export function forget(owner: object): void {
  registry?.unregister(owner);
}
