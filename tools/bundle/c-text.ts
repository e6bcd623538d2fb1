/** Texts of the files of `--target c`; words between @ are replaced. */

export const HEADER = `/* Header, op records, weights, tables and names of the model: what linear memory holds below the arena. */
#include <stdint.h>

#define CONSTANT_BYTES @CONSTANT_BYTES@u
#define ARENA_BYTES @ARENA_BYTES@u

extern const uint8_t attendseg_constants[CONSTANT_BYTES];

/* Where an address of linear memory is read. */
#ifdef ATTENDSEG_CONSTANTS_IN_RAM
#define LOADED_FROM(memory, address) (&(memory)->data[address])
#else
#define LOADED_FROM(memory, address) \\
  ((uint32_t)(address) < CONSTANT_BYTES ? &attendseg_constants[(uint32_t)(address)] : &(memory)->data[address])
#endif
`;

export const INTERFACE = `/* @MODEL@ at @WIDTH@x@HEIGHT@. One network a program, and one thread. */
#ifndef ATTENDSEG_H
#define ATTENDSEG_H

#include <stdint.h>

#define ATTENDSEG_WIDTH @WIDTH@
#define ATTENDSEG_HEIGHT @HEIGHT@
#define ATTENDSEG_CLASSES @CLASSES@

/* Prepares the memory; to be called once, before anything else. */
void attendseg_init(void);

/* Where the photo goes: [height][width][3], red, green, blue. A run works in place: write it anew before each. */
uint8_t *attendseg_input(void);

/* Makes the mask. */
void attendseg_run(void);

/* The mask, [height][width], class ids; it stays until the next run. */
const uint8_t *attendseg_output(void);

/* Writes probabilities, 0 to 255, over the mask: of a class, or with -1 of the one that wins. To be called before the next
   photo is written. 0 when done, 1 if there is no such class. */
int attendseg_probabilities(int id);

/* Name of a class in UTF-8, 0 if there is no such class. */
const char *attendseg_class_name(uint32_t id);

/* 1 if this build computes the right mask of a built-in picture. 0 where the compiler contracts f32 operations. */
int attendseg_selftest(void);

#endif
`;

export const RUNTIME = `/* The runtime of the engine: fixed memory, no allocation. A trap, which only a fault of the engine can cause, aborts. */
#include "attendseg.h"

#include <stdlib.h>
#include <string.h>

#include "constants.h"
#include "engine.h"

#ifdef ATTENDSEG_CONSTANTS_IN_RAM
#define RAM_FROM 0
#else
#define RAM_FROM CONSTANT_BYTES
#endif

static @INSTANCE@ engine;
static uint8_t ram[CONSTANT_BYTES + ARENA_BYTES - RAM_FROM] __attribute__((aligned(16)));

#if WASM_RT_USE_STACK_DEPTH_COUNT
uint32_t wasm_rt_call_stack_depth;
#endif

void wasm_rt_allocate_memory(@ALLOCATE_PARAMETERS@) {
  p0->data = (uint8_t *)((uintptr_t)ram - RAM_FROM);
  p0->size = CONSTANT_BYTES + ARENA_BYTES;
  p0->pages = p1;
  p0->max_pages = p2;
}

void wasm_rt_free_memory(wasm_rt_memory_t *memory) { memory->data = 0; }
void wasm_rt_trap(wasm_rt_trap_t reason) { (void)reason, abort(); }
bool wasm_rt_is_initialized(void) { return true; }
uint32_t wasm_rt_register_func_type(uint32_t params, uint32_t results, ...) { return params + results; }

static const uint8_t *at(uint32_t address) { return LOADED_FROM(@CALL@memory(&engine), address); }

void attendseg_init(void) {
  @START@(&engine);
#ifdef ATTENDSEG_CONSTANTS_IN_RAM
  memcpy(ram, attendseg_constants, CONSTANT_BYTES);
#endif
}

uint8_t *attendseg_input(void) { return (uint8_t *)at(@CALL@input(&engine)); }
void attendseg_run(void) { @CALL@run(&engine); }
const uint8_t *attendseg_output(void) { return at(@CALL@output(&engine)); }
int attendseg_probabilities(int id) { return (int)@CALL@probabilities(&engine, (uint32_t)id); }
int attendseg_selftest(void) { return (int)@CALL@selftest(&engine); }

const char *attendseg_class_name(uint32_t id) {
  uint32_t address = @CALL@className(&engine, id);
  return address ? (const char *)at(address) : 0;
}
`;

export const LISTS = `cmake_minimum_required(VERSION 3.13)
project(attendseg C)

option(ATTENDSEG_BOUNDS_CHECKS "check every access to linear memory; without, two to three times as fast" ON)
option(ATTENDSEG_CONSTANTS_IN_RAM "copy weights to RAM: faster where reading them from flash is slow" OFF)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()
# wasm-rt.h has its own idea of signals and stack depth where it is not told
set(NO_CHECKS WASM_RT_MEMCHECK_SIGNAL_HANDLER=1 WASM_RT_SKIP_SIGNAL_RECOVERY=1)
set(CHECKS WASM_RT_MEMCHECK_SIGNAL_HANDLER=0)

add_library(attendseg STATIC attendseg.c constants.c engine.c)
target_include_directories(attendseg PUBLIC \${CMAKE_CURRENT_SOURCE_DIR})
# the sum of two products has to be rounded after each step, as everywhere else
target_compile_options(attendseg PRIVATE -O2 -ffp-contract=off)
target_compile_definitions(attendseg PRIVATE
  NDEBUG
  WASM_RT_USE_STACK_DEPTH_COUNT=0
  $<IF:$<BOOL:\${ATTENDSEG_BOUNDS_CHECKS}>,\${CHECKS},\${NO_CHECKS}>
  $<$<BOOL:\${ATTENDSEG_CONSTANTS_IN_RAM}>:ATTENDSEG_CONSTANTS_IN_RAM>)
target_link_libraries(attendseg PUBLIC m)
`;

export const README = `# @MODEL@ at @WIDTH@x@HEIGHT@ in C

Made by \`attendseg bundle --target c\`. attendseg.h is the interface; a program is

\`\`\`c
#include "attendseg.h"

int main(void) {
  attendseg_init();
  if (!attendseg_selftest()) return 1;
  uint8_t *photo = attendseg_input(); /* fill it: [@HEIGHT@][@WIDTH@][3], red, green, blue */
  attendseg_run();
  return attendseg_output()[0]; /* class of the first pixel */
}
\`\`\`

CMakeLists.txt makes a library of it: \`add_subdirectory\` and \`target_link_libraries(program attendseg)\`. Without CMake:

\`\`\`sh
cc -O2 -ffp-contract=off -DNDEBUG -DWASM_RT_MEMCHECK_SIGNAL_HANDLER=0 -DWASM_RT_USE_STACK_DEPTH_COUNT=0 \\
  program.c attendseg.c constants.c engine.c -lm
\`\`\`

\`-ffp-contract=off\` is needed: compilers may otherwise make one instruction of a multiplication and an addition, which
rounds once instead of twice, and masks differ in single pixels. \`attendseg_selftest()\` gives 0 in such a build.

- RAM: @ARENA_BYTES@ bytes and the stack, which needs less than 4 kB. The @CONSTANT_BYTES@ bytes of weights stay where the
  linker puts constants; \`-DATTENDSEG_CONSTANTS_IN_RAM\` copies them to RAM at the start.
- Every access to memory is checked and a bad one aborts, which only a fault of the engine could cause.
  \`-DWASM_RT_MEMCHECK_SIGNAL_HANDLER=1 -DWASM_RT_SKIP_SIGNAL_RECOVERY=1\` leaves the checks out.

engine.c, engine.h and wasm-rt.h come from wasm2c of WABT (Apache License 2.0).
`;
