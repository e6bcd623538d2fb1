/*
 * A photo to a mask through a standalone module compiled to C: no WebAssembly runtime is needed.
 *
 *   attendseg bundle model.aseg -o segment.wasm --variant scalar
 *   wasm2c segment.wasm -n network -o network.c
 *   cc -O2 -I/usr/share/wabt/wasm2c segment.c network.c /usr/share/wabt/wasm2c/wasm-rt-impl.c -lm -o segment
 *   ./segment < photo.ppm > mask.pgm
 *
 * The photo is a binary PPM of exactly the network's size (convert photo.jpg -resize '512x512!' photo.ppm), the mask
 * a binary PGM of class ids. wasm2c up to 1.0.32 uses other names: add -DOLD_WASM2C.
 */
#include <stdio.h>
#include <stdlib.h>

#include "network.h"

#ifdef OLD_WASM2C
typedef Z_network_instance_t Network;
#define CALL(name, ...) Z_networkZ_##name(__VA_ARGS__)
#define INSTANTIATE(network) (Z_network_init_module(), Z_network_instantiate(network))
#define FREE(network) Z_network_free(network)
#else
typedef w2c_network Network;
#define CALL(name, ...) w2c_network_##name(__VA_ARGS__)
#define INSTANTIATE(network) wasm2c_network_instantiate(network)
#define FREE(network) wasm2c_network_free(network)
#endif

static int fail(const char *reason) {
  fprintf(stderr, "segment: %s\n", reason);
  return 1;
}

int main(void) {
  Network network;
  wasm_rt_init();
  INSTANTIATE(&network);
  unsigned char *memory = (unsigned char *)CALL(memory, &network)->data;
  unsigned width = CALL(width, &network), height = CALL(height, &network);

  unsigned photoWidth, photoHeight;
  if (scanf("P6 %u %u 255", &photoWidth, &photoHeight) != 2 || getchar() == EOF)
    return fail("standard input is not a binary PPM picture");
  if (photoWidth != width || photoHeight != height) {
    fprintf(stderr, "segment: the photo has %ux%u pixels, expected %ux%u\n", photoWidth, photoHeight, width, height);
    return 1;
  }
  size_t bytes = (size_t)width * height;
  if (fread(memory + CALL(input, &network), 3, bytes, stdin) != bytes) return fail("the picture is cut off");

  CALL(run, &network);
  const unsigned char *mask = memory + CALL(output, &network);
  printf("P5 %u %u 255\n", width, height);
  if (fwrite(mask, 1, bytes, stdout) != bytes || fflush(stdout) != 0) return fail("standard output cannot be written");

  size_t counts[256] = {0};
  for (size_t i = 0; i < bytes; i++) counts[mask[i]]++;
  for (unsigned id = 0; id < CALL(classes, &network); id++) {
    const char *name = (const char *)memory + CALL(className, &network, id);
    if (counts[id] > 0) fprintf(stderr, "%5.1f %%  %s\n", 100.0 * counts[id] / bytes, name);
  }
  FREE(&network);
  return 0;
}
