/** A model on a Cortex-M7 without an operating system: Arm's MPS2 board as qemu emulates it. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const HERE = resolve("test/embed/cortex");
const PROCESSOR = ["-mcpu=cortex-m7", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv5-sp-d16"];
const COMMON = ["-O2", "-w", "-DNDEBUG", "-DWASM_RT_USE_STACK_DEPTH_COUNT=0", "-I."];
const SECTIONS = ["-ffunction-sections", "-fdata-sections", "-nostartfiles", "-Wl,--gc-sections"];

/** How the program is compiled. */
export const FLAGS = {
  checks: ["-ffp-contract=off", "-DWASM_RT_MEMCHECK_SIGNAL_HANDLER=0"],
  fast: [
    ...["-ffp-contract=off", "-DWASM_RT_MEMCHECK_SIGNAL_HANDLER=1", "-DWASM_RT_SKIP_SIGNAL_RECOVERY=1"],
    "-DATTENDSEG_CONSTANTS_IN_RAM",
  ],
  contracted: ["-DWASM_RT_MEMCHECK_SIGNAL_HANDLER=0"],
} as const;

/** Programs that are needed, and their packages in Debian. */
export const PROGRAMS = ["wasm2c", "arm-none-eabi-gcc", "qemu-system-arm"];

export interface CortexRun {
  readonly mask: Uint8Array;
  readonly selftest: boolean;
  /** Instructions of one run, within 40. */
  readonly instructions: number;
  /** Bytes: of code and constants, of memory that stays, of stack at its deepest. */
  readonly flash: number;
  readonly bss: number;
  readonly stack: number;
}

/**
 * Compiles and runs a model.
 *
 * @param files of `bundleC`
 * @param image uint8 [height, width, 3]
 * @param flash size of the board's memories, bytes; ram too
 * @throws an error if it does not fit or does not run
 */
export function runOnCortex(
  files: ReadonlyMap<string, string>,
  image: Uint8Array,
  flags: readonly string[],
  { flash, ram }: { flash: number; ram: number },
): CortexRun {
  const folder = mkdtempSync(join(tmpdir(), "attendseg-cortex-"));
  for (const [name, text] of files) writeFileSync(join(folder, name), text);
  writeFileSync(join(folder, "photo.rgb"), image);
  const sizes = { FLASH_BYTES: flash, RAM_BYTES: ram, STACK_BYTES: 2048 };
  const options = { cwd: folder, encoding: "utf8", stdio: "pipe", timeout: 120_000 } as const;
  execFileSync(
    "arm-none-eabi-gcc",
    [
      ...[...PROCESSOR, ...COMMON, ...flags, ...SECTIONS, "-T", join(HERE, "mps2-an500.ld")],
      ...Object.entries(sizes).map(([name, value]) => `-Wl,--defsym=${name}=${value}`),
      ...["-Wl,-Map=program.map", join(HERE, "program.c"), "attendseg.c", "constants.c", "engine.c"],
      ...["-lm", "-lc", "-lgcc", "-o", "program.elf"],
    ],
    options,
  );
  const machine = [
    "-M",
    "mps2-an500",
    "-icount",
    "shift=0",
    "-nographic",
    "-monitor",
    "none",
    "-serial",
    "none",
  ];
  const semihosting = ["-semihosting-config", "enable=on,target=native"];
  // what the program says goes to standard error
  const command = `exec qemu-system-arm ${[...machine, ...semihosting].join(" ")} -kernel program.elf 2>&1`;
  const said = execFileSync("sh", ["-c", command], options);
  const value = (name: string) => Number(new RegExp(`^${name} (\\d+)$`, "m").exec(said)?.[1]);
  const map = readFileSync(join(folder, "program.map"), "utf8");
  const section = (name: string) => {
    const [, size] = new RegExp(`^\\${name}\\s+0x[0-9a-f]+\\s+(0x[0-9a-f]+)`, "m").exec(map) ?? [];
    return Number(size ?? 0);
  };
  return {
    mask: readFileSync(join(folder, "mask")),
    selftest: value("selftest") === 1,
    instructions: value("instructions"),
    flash: section(".text") + section(".ARM.exidx") + section(".data"),
    bss: section(".bss") + section(".data"),
    stack: value("stack"),
  };
}
