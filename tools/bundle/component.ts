/**
 * A component (binary format of the component model, layer 1) around one core module that has the exports of
 * assembly/component.ts: it imports nothing and exports the functions of attendseg.wit.
 */
import { concatenate, encodeName, unsigned } from "./wasm.js";

const PREAMBLE = [0x00, 0x61, 0x73, 0x6d, 0x0d, 0x00, 0x01, 0x00];
/** Numbers of sections. */
const CORE_MODULE = 1;
const CORE_INSTANCE = 2;
const ALIAS = 6;
const TYPE = 7;
const CANON = 8;
const EXPORT = 11;

const U8 = 0x7d;
const U32 = 0x79;
const STRING = 0x73;
const listOf = (type: number) => [0x70, type];
const tupleOf = (...types: number[]) => [0x6f, types.length, ...types];
const resultOf = (good: number, bad: number) => [0x6a, 1, good, 1, bad];
const functionOf = (parameters: readonly (readonly [string, number])[], result: number) => {
  return [
    0x40,
    parameters.length,
    ...parameters.flatMap(([name, type]) => [...encodeName(name), type]),
    0,
    result,
  ];
};

/** Types; one refers to another by its index. */
const TYPES = [
  listOf(U8),
  resultOf(0, STRING),
  functionOf([["photo", 0]], 1),
  tupleOf(U32, U32),
  functionOf([], 3),
  listOf(STRING),
  functionOf([], 5),
];
/** Functions, and the index of the type of each. */
const FUNCTIONS = [
  ["segment", 2],
  ["size", 4],
  ["classes", 6],
] as const;

/** Aliases of what the core module exports: sorts, then the export of instance 0. */
const CORE = 0x00;
const CORE_FUNCTION = 0x00;
const CORE_MEMORY = 0x02;
const alias = (sort: number, name: string) => [CORE, sort, 0x01, 0, ...encodeName(name)];

/** Options of lifted functions: strings in UTF-8, memory 0, the function after the others for arguments. */
const OPTIONS = [3, 0x00, 0x03, 0, 0x04, FUNCTIONS.length];

/** The component of a core module. */
export function wrapComponent(module: Uint8Array): Uint8Array {
  return concatenate([
    Uint8Array.from(PREAMBLE),
    Uint8Array.from([CORE_MODULE, ...unsigned(module.length)]),
    module,
    section(CORE_INSTANCE, [[0x00, 0, 0]]),
    section(ALIAS, [
      ...FUNCTIONS.map(([name]) => alias(CORE_FUNCTION, name)),
      alias(CORE_FUNCTION, "cabi_realloc"),
      alias(CORE_MEMORY, "memory"),
    ]),
    section(TYPE, TYPES),
    section(
      CANON,
      FUNCTIONS.map(([, type], index) => [0x00, 0x00, index, ...OPTIONS, type]),
    ),
    section(
      EXPORT,
      FUNCTIONS.map(([name], index) => [0x00, ...encodeName(name), 0x01, index, 0]),
    ),
  ]);
}

/** A section that is a list of entries. */
function section(id: number, entries: readonly (readonly number[])[]): Uint8Array {
  const body = [...unsigned(entries.length), ...entries.flat()];
  return Uint8Array.from([id, ...unsigned(body.length), ...body]);
}
