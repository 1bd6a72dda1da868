// Unsigned integers below 2^53 in little-endian bytes, as every layout has them. Knows no layouts.

/** An unsigned integer below 2^53, little-endian in eight bytes. */
export function writeU64(view: DataView, at: number, value: number): void {
  view.setUint32(at, value, true)
  view.setUint32(at + 4, value / 0x1_0000_0000, true)
}

/** Reads what `writeU64` wrote. */
export function readU64(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * 0x1_0000_0000
}
