/** Everything in one file, for pages without a bundler. */
export * from "./browser/index.js";
export * from "./index.js";
