// The rows of the native bench's table: what is measured in Rust under which id, and the row of the same name in cases.mjs.
// `bench` is the file in benches/ that has the id, and its own measurement of the reference kernel.

const sizes = [8, 32, 256, 1_024, 4_096, 65_536]

export const ROWS = [
  ...sizes.map((size) => ({ row: `xxh3_64/${size}`, bench: 'xxh3', rust: `xxh3_64/chosen/${size}` })),
  { row: 'xxh3_64 of a string/33' },
  { row: 'xxh3_64 as a bigint/32' },
  { row: 'xxh3_64_many/32', bench: 'xxh3', rust: 'xxh3_64_many/many/1000x32' },
  { row: 'xxh3_128/1024', bench: 'xxh3', rust: 'xxh3_128/chosen/1024' },
  { row: 'xxh3 in 64 KiB pieces/1048576' },
  ...sizes.map((size) => ({ row: `crc32c/${size}`, bench: 'crc32c', rust: `crc32c/rafterdb/${size}` })),
  { row: 'crc32c_many/32', bench: 'crc32c', rust: 'crc32c_many/rafterdb/1000' },
  { row: 'ring lookup', bench: 'ring', rust: 'ring/lookup/160' },
  { row: 'ring lookup_many', bench: 'ring', rust: 'ring/lookup_many/160' },
  { row: 'ring lookup_many of strings' },
  { row: 'frame encode/65536', bench: 'codec', rust: 'frame/encode_to/65536' },
  { row: 'frame encode, vectored/65536', bench: 'codec', rust: 'frame/encode_vectored/65536' },
  { row: 'frame decode/65536', bench: 'codec', rust: 'frame/decode_from/65536' },
  { row: 'entry encode/256', bench: 'codec', rust: 'entry/encode_to/256' },
  { row: 'entry decode/256', bench: 'codec', rust: 'entry/decode_from/256' },
  ...['lz4', 'zstd', 'gzip'].flatMap((algorithm) =>
    ['compress', 'decompress'].map((way) => ({
      row: `${algorithm} ${way}/65536`,
      bench: 'compress',
      rust: `${way}/text-${algorithm}-${{ lz4: 1, zstd: 1, gzip: 6 }[algorithm]}/64KiB`,
    })),
  ),
  { row: 'pool take and give back/8192', bench: 'pool', rust: 'pool/take-pool/8192' },
  { row: 'batcher, an item', bench: 'batcher', rust: 'batcher/machine/100' },
]
