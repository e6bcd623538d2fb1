/*
 * A photo to a mask by a model in C: no WebAssembly runtime is needed.
 *
 *   attendseg bundle model.aseg --target c -o network
 *   cc -O2 -ffp-contract=off -DNDEBUG -DWASM_RT_MEMCHECK_SIGNAL_HANDLER=0 -DWASM_RT_USE_STACK_DEPTH_COUNT=0 \
 *     -Inetwork segment.c network/attendseg.c network/constants.c network/engine.c -lm -o segment
 *   ./segment < photo.ppm > mask.pgm
 *
 * The photo is a binary PPM of exactly the network's size (convert photo.jpg -resize '512x512!' photo.ppm), the mask
 * a binary PGM of class ids.
 */
#include <stdio.h>

#include "attendseg.h"

static int fail(const char *reason) {
  fprintf(stderr, "segment: %s\n", reason);
  return 1;
}

int main(void) {
  attendseg_init();
  if (!attendseg_selftest()) return fail("this build computes wrong masks: is -ffp-contract=off there?");

  const unsigned width = ATTENDSEG_WIDTH, height = ATTENDSEG_HEIGHT;
  unsigned photoWidth, photoHeight;
  if (scanf("P6 %u %u 255", &photoWidth, &photoHeight) != 2 || getchar() == EOF)
    return fail("standard input is not a binary PPM picture");
  if (photoWidth != width || photoHeight != height) {
    fprintf(stderr, "segment: the photo has %ux%u pixels, expected %ux%u\n", photoWidth, photoHeight, width, height);
    return 1;
  }
  const size_t bytes = (size_t)width * height;
  if (fread(attendseg_input(), 3, bytes, stdin) != bytes) return fail("the picture is cut off");

  attendseg_run();
  const uint8_t *mask = attendseg_output();
  printf("P5 %u %u 255\n", width, height);
  if (fwrite(mask, 1, bytes, stdout) != bytes || fflush(stdout) != 0) return fail("standard output cannot be written");

  size_t counts[256] = {0};
  for (size_t i = 0; i < bytes; i++) counts[mask[i]]++;
  for (unsigned id = 0; id < ATTENDSEG_CLASSES; id++) {
    if (counts[id] > 0) fprintf(stderr, "%5.1f %%  %s\n", 100.0 * counts[id] / bytes, attendseg_class_name(id));
  }
  return 0;
}
