/**
 * Exports of a standalone module as a component: the functions of tools/bundle/attendseg.wit in the canonical ABI. Lists
 * are passed as address and length; results of more than one word through an area whose address is returned.
 */
import * as s from "../src/standalone";
import * as standalone from "./standalone";

/**
 * Where the host writes the photo: the input. A photo that is too large for it may overwrite whatever lies behind, which
 * is all made anew by a run, and if it must, memory grows for it; then `segment` refuses it. No memory: a trap.
 */
export function cabi_realloc(_old: usize, _oldBytes: usize, _alignment: usize, bytes: usize): usize {
  const end = <u64>standalone.input() + <u64>bytes;
  const lacking = <i64>end - ((<i64>memory.size()) << 16);
  if (lacking > 0 && memory.grow(<i32>((lacking + 0xffff) >> 16)) < 0) unreachable();
  return standalone.input();
}

/** result<list<u8>, string>: the mask of a photo, or what is wrong with it. */
export function segment(_photo: usize, bytes: usize): usize {
  const isRight = bytes == 3 * standalone.width() * standalone.height();
  if (isRight) standalone.run();
  store<i32>(s.RESULT_AT, isRight ? 0 : 1);
  store<usize>(s.RESULT_AT, isRight ? standalone.output() : load<usize>(s.MESSAGE_AT), 4);
  store<usize>(s.RESULT_AT, isRight ? bytes / 3 : load<usize>(s.MESSAGE_BYTES), 8);
  return s.RESULT_AT;
}

/** tuple<u32, u32>: width and height. */
export function size(): usize {
  store<i32>(s.RESULT_AT, standalone.width());
  store<i32>(s.RESULT_AT, standalone.height(), 4);
  return s.RESULT_AT;
}

/** list<string>: names of the classes. The list of them is what the ABI asks for. */
export function classes(): usize {
  store<usize>(s.RESULT_AT, load<usize>(s.NAMES_AT));
  store<i32>(s.RESULT_AT, standalone.classes(), 4);
  return s.RESULT_AT;
}
