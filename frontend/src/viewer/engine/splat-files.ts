/** Is this a whole file of Gaussians? Asked before the decoder, whose own complaints are traps of WebAssembly. */

import { unreadable } from "../problems";
import type { SplatKind } from "../types";

const SIZES: Record<string, number> = {
  char: 1, uchar: 1, int8: 1, uint8: 1,
  short: 2, ushort: 2, int16: 2, uint16: 2,
  int: 4, uint: 4, int32: 4, uint32: 4, float: 4, float32: 4,
  double: 8, float64: 8,
};
const SPLAT_BYTES = 32;
const LONGEST_HEADER = 1 << 16;

/** Raises ViewerError `unreadable_file`, saying what is wrong. */
export function checkSplatFile(bytes: Uint8Array, kind: SplatKind): void {
  if (bytes.length === 0) throw unreadable("model", "it is empty");
  const begins = (...wanted: number[]) => wanted.every((byte, at) => bytes[at] === byte);
  if (kind === "ply") checkPly(bytes);
  else if (kind === "spz" && !begins(0x1f, 0x8b) && !begins(0x4e, 0x47, 0x53, 0x50)) throw unreadable("model", "it is no SPZ file");
  else if (kind === "sog" && !begins(0x50, 0x4b)) throw unreadable("model", "it is no SOG file");
  else if (kind === "splat" && bytes.length % SPLAT_BYTES !== 0) throw unreadable("model", "it does not end with a whole Gaussian");
}

/** The file of a kind by the end of its name; PLY where the name says nothing. */
export function kindOf(url: string): SplatKind {
  const name = url.split(/[?#]/)[0]!.toLowerCase();
  const kinds: SplatKind[] = ["spz", "ksplat", "splat", "sog"];
  return kinds.find((kind) => name.endsWith(`.${kind}`)) ?? "ply";
}

function checkPly(bytes: Uint8Array): void {
  const head = new TextDecoder("latin1").decode(bytes.subarray(0, LONGEST_HEADER));
  if (!/^ply\r?\n/.test(head)) throw unreadable("model", "it is no PLY file");
  const end = /\nend_header\r?\n/.exec(head);
  if (!end) throw unreadable("model", "its header does not end");
  const header = head.slice(0, end.index);
  if (!/\nproperty float f_dc_0|packed_position/.test(header)) throw unreadable("model", "it holds no Gaussians");
  if (!/\nformat binary_little_endian/.test(header)) return;
  const expected = end.index + end[0].length + bodyLength(header);
  if (bytes.length < expected) throw unreadable("model", `it was cut off at ${bytes.length} of ${expected} bytes`);
}

/** Bytes of all elements that have no lists. */
function bodyLength(header: string): number {
  let [total, count] = [0, 0];
  for (const line of header.split(/\r?\n/)) {
    const words = line.trim().split(/\s+/);
    if (words[0] === "element") count = Number(words[2]);
    else if (words[0] === "property") total += count * (SIZES[words[1]!] ?? 0);
  }
  return total;
}
