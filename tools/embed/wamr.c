/*
 * A photo to a mask in WAMR (https://github.com/bytecodealliance/wasm-micro-runtime), without WASI.
 *
 *   attendseg bundle model.aseg -o segment.wasm --variant scalar
 *   cc wamr.c -I WAMR/core/iwasm/include -L BUILD -liwasm -o wamr
 *   ./wamr segment.wasm photo.rgb mask
 *
 * photo.rgb: red, green and blue of each pixel of a photo of the network's size; mask: class ids.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wasm_export.h"

/* Bytes for the calls of the module. It needs no heap. */
#define STACK 8192
#define HEAP 0

static wasm_module_t module;
static wasm_module_inst_t instance;
static wasm_exec_env_t env;

static void fail(const char *reason) {
  fprintf(stderr, "wamr: %s\n", reason);
  exit(1);
}

/* Result of a function without arguments. */
static uint32_t call(const char *name) {
  uint32_t cells[1] = {0};
  wasm_function_inst_t function = wasm_runtime_lookup_function(instance, name);
  if (!function) fail(name);
  if (!wasm_runtime_call_wasm(env, function, 0, cells)) fail(wasm_runtime_get_exception(instance));
  return cells[0];
}

/* Bytes of the memory of the module, from the address that a function returns. */
static uint8_t *area(const char *name, uint32_t bytes) {
  uint32_t address = call(name);
  if (!wasm_runtime_validate_app_addr(instance, address, bytes)) fail(wasm_runtime_get_exception(instance));
  return wasm_runtime_addr_app_to_native(instance, address);
}

static uint8_t *readFile(const char *path, uint32_t *bytes) {
  FILE *file = fopen(path, "rb");
  if (!file || fseek(file, 0, SEEK_END) != 0) fail(path);
  *bytes = (uint32_t)ftell(file);
  rewind(file);
  uint8_t *content = malloc(*bytes + 1);
  if (!content || fread(content, 1, *bytes, file) != *bytes) fail(path);
  fclose(file);
  return content;
}

int main(int count, char **words) {
  if (count != 4) fail("expected MODULE PHOTO MASK");
  char error[128];
  uint32_t wasmBytes, rgbBytes;
  /* WAMR writes into these bytes and reads them as long as the module lives */
  uint8_t *wasm = readFile(words[1], &wasmBytes);
  uint8_t *rgb = readFile(words[2], &rgbBytes);
  if (!wasm_runtime_init()) fail("no runtime");
  if (!(module = wasm_runtime_load(wasm, wasmBytes, error, sizeof error))) fail(error);
  if (!(instance = wasm_runtime_instantiate(module, STACK, HEAP, error, sizeof error))) fail(error);
  if (!(env = wasm_runtime_create_exec_env(instance, STACK))) fail("no execution environment");

  uint32_t pixels = call("width") * call("height");
  if (rgbBytes != 3 * pixels) fail("the photo has not the size of the network's input");
  memcpy(area("input", rgbBytes), rgb, rgbBytes);
  call("run");
  FILE *file = fopen(words[3], "wb");
  if (!file || fwrite(area("output", pixels), 1, pixels, file) != pixels || fclose(file) != 0) fail(words[3]);

  wasm_runtime_destroy_exec_env(env);
  wasm_runtime_deinstantiate(instance);
  wasm_runtime_unload(module);
  wasm_runtime_destroy();
  free(wasm);
  free(rgb);
  return 0;
}
