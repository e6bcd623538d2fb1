/*
 * Segments photo.rgb of the folder it runs in and writes mask, on a Cortex-M7 without an operating system: files, text and
 * the count of instructions (qemu with -icount shift=0) go through semihosting.
 */
#include <stdint.h>

#include "attendseg.h"

enum { OPEN = 0x01, CLOSE = 0x02, WRITE_TEXT = 0x04, WRITE = 0x05, READ = 0x06, EXIT = 0x20 };
enum { BINARY_READ = 1, BINARY_WRITE = 5, APPLICATION_EXIT = 0x20026 };

extern uint32_t data_source[], data_start[], data_end[], bss_start[], bss_end[], stack_end[], stack_top[];

static int32_t ask(uint32_t operation, const void *arguments) {
  register uint32_t r0 __asm__("r0") = operation;
  register const void *r1 __asm__("r1") = arguments;
  __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
  return (int32_t)r0;
}

__attribute__((noreturn)) static void leave(uint32_t code) {
  uint32_t block[] = {APPLICATION_EXIT, code};
  ask(EXIT, block);
  for (;;) {
  }
}

static void file(const char *name, uint32_t mode, uint32_t operation, const void *bytes, uint32_t count) {
  uint32_t length = 0;
  while (name[length]) length++;
  uint32_t open[] = {(uint32_t)name, mode, length};
  int32_t handle = ask(OPEN, open);
  uint32_t block[] = {(uint32_t)handle, (uint32_t)bytes, count};
  if (handle < 0 || ask(operation, block) != 0) leave(3);
  ask(CLOSE, block);
}

static void say(const char *name, uint32_t value) {
  char text[12] = "";
  char *at = text + 11;
  do *--at = (char)('0' + value % 10);
  while ((value /= 10) > 0);
  ask(WRITE_TEXT, name);
  ask(WRITE_TEXT, " ");
  ask(WRITE_TEXT, at);
  ask(WRITE_TEXT, "\n");
}

/* The timer counts down from 2^24, once every 40 ns, each of which is an instruction: enough for 671 million. */
static volatile uint32_t *const timer = (volatile uint32_t *)0xe000e010;

static void startTimer(void) {
  timer[1] = 0xffffff;
  timer[2] = 0;
  timer[0] = 5;
}

static uint32_t countInstructions(void) { return 40 * (0xffffff - timer[2]); }

/* That of the C library would bring signals and files along. */
void abort(void) { leave(5); }

int main(void) {
  attendseg_init();
  int right = attendseg_selftest();
  file("photo.rgb", BINARY_READ, READ, attendseg_input(), 3 * ATTENDSEG_WIDTH * ATTENDSEG_HEIGHT);
  startTimer();
  attendseg_run();
  uint32_t instructions = countInstructions();
  file("mask", BINARY_WRITE, WRITE, attendseg_output(), ATTENDSEG_WIDTH * ATTENDSEG_HEIGHT);
  uint32_t *untouched = stack_end;
  while (*untouched == 0xa5a5a5a5) untouched++;
  say("instructions", instructions);
  say("stack", (uint32_t)(stack_top - untouched) * 4);
  say("selftest", (uint32_t)right);
  return 0;
}

void start(void) {
  *(volatile uint32_t *)0xe000ed88 |= 0xf << 20; /* floating point on */
  __asm__ volatile("dsb\n isb");
  for (uint32_t *at = bss_start; at < bss_end; at++) *at = 0;
  for (uint32_t *at = data_start, *from = data_source; at < data_end;) *at++ = *from++;
  uint32_t *here;
  __asm__("mov %0, sp" : "=r"(here));
  for (uint32_t *at = stack_end; at < here - 16; at++) *at = 0xa5a5a5a5;
  leave((uint32_t)main());
}

static void fault(void) { leave(4); }

__attribute__((section(".vectors"), used)) static const void *const vectors[16] = {
    stack_top, (void *)start, (void *)fault, (void *)fault, (void *)fault, (void *)fault, (void *)fault,
};
