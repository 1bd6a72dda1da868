// The hot paths without a store: hashes, a ring, frames, compression.
import { Compressor, crc32c, Decompressor, FrameDecoder, frame, hashMany, packKeys, Ring, xxh3 } from 'rafterdb/native'

console.log(xxh3('hello'), crc32c('hello'))

const keys = packKeys(['user/1', 'user/2', 'user/3'])
const hashes = new Float64Array(3)
hashMany(keys.buffer, keys.offsets, hashes)
console.log(hashes[0] === xxh3('user/1'))

const ring = new Ring(['a', 'b', { name: 'c', weight: 2 }])
console.log(ring.lookup('user/1'), ring.replicas('user/1', 2).length, ring.lookupMany(keys).length)

const value = Buffer.from('{"state": "open"} '.repeat(100))
const packed = new Compressor({ algorithm: 'zstd' }).compress(value)
console.log(packed.length < 100, Buffer.from(new Decompressor().decompress(packed)).equals(value))

const out = Buffer.alloc(frame.encodedSize(packed))
frame.encodeTo(packed, out)
console.log(new FrameDecoder().push(out).length)
