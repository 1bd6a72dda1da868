// Frames and entries: what is encoded is decoded, however the stream is cut; what is damaged or too long is an error.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { crc32c, ENTRY_HEADER_BYTES, entry, FRAME_HEADER_BYTES, FrameDecoder, frame } from '../../src/library/index.js'

const bodiesOf = fc.array(fc.uint8Array({ maxLength: 2_000 }), { maxLength: 30 })

/** The frames of all bodies, one after the other. */
function stream(bodies: Uint8Array[]): Buffer {
  const out = Buffer.alloc(bodies.reduce((sum, body) => sum + frame.encodedSize(body), 0))
  let at = 0
  for (const body of bodies) at += frame.encodeTo(body, out, at)
  expect(at).toBe(out.length)
  return out
}

test('a frame is its length, its checksum and its body', () => {
  const body = Buffer.from('hello')
  const out = stream([body])
  expect(out).toHaveLength(FRAME_HEADER_BYTES + 5)
  expect(out.readUInt32LE(0)).toBe(5)
  expect(out.readUInt32LE(4)).toBe(crc32c(body))
  expect(out.subarray(8)).toEqual(body)
  expect(frame.decodeFrom(out)).toEqual({ body, bytes: out.length })
})

test('a body in pieces makes the frame of the whole', () => {
  fc.assert(
    fc.property(bodiesOf, (pieces) => {
      const whole = Buffer.concat(pieces)
      const out = Buffer.alloc(frame.encodedSize(pieces))
      expect(frame.encodeTo(pieces, out)).toBe(out.length)
      expect(out).toEqual(stream([whole]))
      expect(Buffer.concat([frame.header(pieces), ...pieces])).toEqual(out)
    }),
  )
})

test('a stream gives its bodies, however it is cut', () => {
  fc.assert(
    fc.property(bodiesOf, fc.array(fc.integer({ min: 1, max: 3_000 }), { minLength: 1, maxLength: 10 }), (bodies, cuts) => {
      const whole = stream(bodies)
      const decoder = new FrameDecoder()
      const found: Uint8Array[] = []
      for (let at = 0, i = 0; at < whole.length; i++) {
        const end = Math.min(at + (cuts[i % cuts.length] as number), whole.length)
        // A copy, so that the next chunk does not lie beside it.
        found.push(...decoder.push(Buffer.from(whole.subarray(at, end))))
        at = end
      }
      expect(decoder.pendingBytes).toBe(0)
      expect(found.map((body) => Buffer.from(body))).toEqual(bodies.map((body) => Buffer.from(body)))
    }),
  )
})

test('thousands of small frames in one chunk are all found', () => {
  const bodies = Array.from({ length: 5_000 }, (_, i) => Buffer.from(String(i)))
  expect(new FrameDecoder().push(stream(bodies)).map(String)).toEqual(bodies.map(String))
})

test('a large frame may come byte by byte', () => {
  const body = Buffer.alloc(300_000, 7)
  const whole = stream([body])
  const decoder = new FrameDecoder()
  let found: Uint8Array[] = []
  for (let at = 0; at < whole.length; at++) found = [...found, ...decoder.push(whole.subarray(at, at + 1))]
  expect(Buffer.from(found[0] as Uint8Array)).toEqual(body)
})

describe('a damaged stream', () => {
  const whole = stream([Buffer.from('first'), Buffer.from('second'), Buffer.from('third')])

  test('is refused, whatever bit is turned', () => {
    for (let bit = 0; bit < whole.length * 8; bit++) {
      const damaged = Buffer.from(whole)
      damaged[bit >> 3] = (damaged[bit >> 3] as number) ^ (1 << (bit & 7))
      let found: Uint8Array[] = []
      try {
        found = new FrameDecoder({ bodyBytesMax: 1_000 }).push(damaged)
      } catch (error) {
        expect(error).toMatchObject({ code: 'PROTOCOL_ERROR' })
        continue
      }
      // A length that became larger waits for bytes that never come: fewer bodies, none of them wrong.
      expect(found.length).toBeLessThan(3)
      expect(found.map((body) => Buffer.from(body).toString())).toEqual(['first', 'second', 'third'].slice(0, found.length))
    }
  })

  test('is refused where a length is above the bound, before anything is kept for it', () => {
    const huge = Buffer.alloc(8)
    huge.writeUInt32LE(0xffff_ffff, 0)
    expect(() => new FrameDecoder().push(huge)).toThrow(expect.objectContaining({ code: 'PROTOCOL_ERROR' }))
    const decoder = new FrameDecoder()
    expect(() => [...huge].map((byte) => decoder.push(Uint8Array.of(byte)))).toThrow(
      expect.objectContaining({ code: 'PROTOCOL_ERROR' }),
    )
    expect(() => frame.decodeFrom(whole, 0, 4)).toThrow(/longer/)
    expect(frame.decodeFrom(whole, 0, 5)?.bytes).toBe(13)
  })

  test('that ends within a frame gives what is whole', () => {
    for (let length = 0; length < whole.length; length++) {
      const decoder = new FrameDecoder()
      const found = decoder.push(whole.subarray(0, length))
      expect(found).toHaveLength([13, 27, 40].filter((end) => end <= length).length)
      expect(decoder.pendingBytes).toBe(length - ([27, 13, 0].find((end) => end <= length) as number))
    }
  })
})

test('entries are found as they were written', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 255 }), fc.uint8Array({ maxLength: 100 }))), (entries) => {
      const block = Buffer.alloc(entries.reduce((sum, [, body]) => sum + entry.encodedSize(body), 0))
      let at = 0
      for (const [kind, body] of entries) at += entry.encodeTo(kind, body, block, at)
      const found = entry.decodeFrom(block).map(({ kind, body }) => [kind, Buffer.from(body)])
      expect(found).toEqual(entries.map(([kind, body]) => [kind, Buffer.from(body)]))
    }),
  )
})

test('a block of thousands of entries is decoded whole, one that is cut short is refused', () => {
  const block = Buffer.alloc(3_000 * (ENTRY_HEADER_BYTES + 2))
  for (let i = 0, at = 0; i < 3_000; i++) at += entry.encodeTo(i % 256, Buffer.from([i, i >> 8]), block, at)
  expect(entry.decodeFrom(block)).toHaveLength(3_000)
  expect(() => entry.decodeFrom(block.subarray(0, -1))).toThrow(expect.objectContaining({ code: 'PROTOCOL_ERROR' }))
})
