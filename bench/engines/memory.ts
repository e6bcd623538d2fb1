/** Sees every WebAssembly memory that is made, so that it can say how much an engine holds. */

/** @returns a function that gives the bytes of all WebAssembly memories made since */
export function watchMemory(): () => number {
  const memories = new Set<WebAssembly.Memory>();
  const note = (instance: WebAssembly.Instance) => {
    for (const value of Object.values(instance.exports)) {
      if (value instanceof WebAssembly.Memory) memories.add(value);
    }
  };
  const { instantiate, instantiateStreaming } = WebAssembly;
  const watch = async (result: Promise<WebAssembly.Instance | WebAssembly.WebAssemblyInstantiatedSource>) => {
    const made = await result;
    note(made instanceof WebAssembly.Instance ? made : made.instance);
    return made;
  };
  const { Memory, Instance } = WebAssembly;
  Object.assign(WebAssembly, {
    instantiate: (...args: Parameters<typeof instantiate>) => watch(instantiate.apply(WebAssembly, args)),
    ...(instantiateStreaming && {
      instantiateStreaming: (...args: Parameters<typeof instantiateStreaming>) =>
        watch(instantiateStreaming.apply(WebAssembly, args)),
    }),
    Memory: new Proxy(Memory, {
      construct(target, args: [WebAssembly.MemoryDescriptor]) {
        const memory = new target(...args);
        memories.add(memory);
        return memory;
      },
    }),
    Instance: new Proxy(Instance, {
      construct(target, args: [WebAssembly.Module]) {
        const instance = new target(...args);
        note(instance);
        return instance;
      },
    }),
  });
  return () => [...memories].reduce((total, memory) => total + memory.buffer.byteLength, 0);
}
