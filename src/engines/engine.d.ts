/** The compiled module of a build: the build of the library turns this name into a path (tools/build.js). */
declare module "engine:*" {
  const module: WebAssembly.Module;
  export default module;
}
