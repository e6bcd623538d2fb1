/** Address of the classic script that holds this: the build puts it where modules have `import.meta.url`. */
export const scriptAddress: string | undefined =
  (globalThis.document?.currentScript as HTMLScriptElement | null | undefined)?.src ||
  globalThis.location?.href;
