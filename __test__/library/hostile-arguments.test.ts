// What JavaScript may do to the addon's arguments, by design or by mistake, is refused and never looked at as something else: another
// addon's external, memory that is transferred while or between calls, buffers of a reader that are one.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { open } from 'rafterdb'
import { afterAll, expect, test } from 'vitest'
import { Code } from '../../src/codes.js'
import type { Handle } from '../../src/native/direct.js'
import { loadBinding } from '../../src/native/load.js'

const binding = loadBinding()
const dir = mkdtempSync(join(tmpdir(), 'rafterdb-hostile-'))
afterAll(() => rmSync(dir, { recursive: true, force: true }))

/** An addon whose external points to where nothing is. */
const STRANGER = `
  #include <stddef.h>
  typedef void *napi;
  extern int napi_create_external(napi, void *, void *, void *, napi *);
  napi napi_register_module_v1(napi env, napi exports) {
    napi value = NULL;
    napi_create_external(env, (void *)(size_t)64, NULL, NULL, &value);
    return value;
  }
`

function stranger(): Handle {
  const source = join(dir, 'stranger.c')
  const library = join(dir, 'stranger.node')
  writeFileSync(source, STRANGER)
  const undefinedSymbols = process.platform === 'darwin' ? ['-undefined', 'dynamic_lookup'] : []
  execFileSync('cc', ['-shared', '-fPIC', ...undefinedSymbols, '-o', library, source])
  return createRequire(import.meta.url)(library) as Handle
}

test.skipIf(process.platform === 'win32')("another addon's external is refused, and what it points to is not read", () => {
  const foreign = stranger()
  expect(() => binding.ringLookup(foreign, 'key')).toThrow(/this is not a Ring/)
  expect(() => binding.xxh3Update(foreign, 'data')).toThrow(/this is not a Xxh3/)
  expect(() => binding.submit(foreign, new Uint8Array(1), 1)).toThrow(/this is not a port/)
})

test('an object of one class is not taken for one of another', () => {
  const hasher = binding.xxh3New()
  expect(() => binding.ringLookup(hasher, 'key')).toThrow(/this is not a Ring/)
  binding.xxh3Update(hasher, 'a')
  expect(binding.xxh3Digest(hasher)).toBe(binding.xxh3('a'))
})

test('pieces whose memory goes while a later one is taken are refused', () => {
  const first = new Uint8Array(1 << 20).fill(7)
  const pieces = [first, first]
  Object.defineProperty(pieces, 1, {
    get: () => {
      structuredClone(first, { transfer: [first.buffer] })
      return new Uint8Array(1)
    },
  })
  expect(() => binding.frameHeader(pieces)).toThrow(/body\[0\] is detached/)
})

/** The number of a member that is open, as the addon counts them; and a way to close it. */
async function member(): Promise<{ number: number; close(): Promise<void> }> {
  const db = await open({ dataDir: mkdtempSync(join(dir, 'store-')) })
  await db.put('key', 'value')
  for (let number = 1; ; number++) {
    try {
      binding.memberCounters(number)
      return { number, close: () => db.close() }
    } catch {
      // An earlier one, closed.
    }
  }
}

const RESULT_BYTES = 256
const REQUEST_BYTES = 64
const REQUEST_HEADER_BYTES = 16

/** Memory of a reader, with the request of a serializable read of `key` behind the results. */
function memoryFor(key: string): Uint8Array<ArrayBuffer> {
  const bytes = Buffer.alloc(RESULT_BYTES + REQUEST_BYTES)
  bytes.writeUInt8(1, RESULT_BYTES)
  bytes.writeUInt32LE(key.length, RESULT_BYTES + 4)
  bytes.write(key, RESULT_BYTES + REQUEST_HEADER_BYTES)
  return new Uint8Array(bytes)
}

test('a reader stays in its memory, and reads nothing once that was transferred', async () => {
  const { number, close } = await member()
  const memory = memoryFor('key')
  expect(() => binding.openReader(number, memory, memory.length + 1)).toThrow(/resultBytes must be .* to 320/)
  const reader = binding.openReader(number, memory, RESULT_BYTES)
  expect(binding.readKey(reader)).toBeGreaterThan(0)
  const keyLength = new DataView(memory.buffer, RESULT_BYTES + 4)
  keyLength.setUint32(0, REQUEST_BYTES - REQUEST_HEADER_BYTES + 1, true)
  expect(binding.readKey(reader)).toBeGreaterThan(0)
  expect(new DataView(memory.buffer).getUint16(0, true), 'a key that ends behind its memory').toBe(Code.PROTOCOL_ERROR)
  keyLength.setUint32(0, 3, true)
  structuredClone(memory.buffer, { transfer: [memory.buffer] })
  expect(() => binding.readKey(reader)).toThrow(/was transferred or shrunk/)
  binding.closeReader(reader)
  expect(() => binding.readKey(reader)).toThrow(/no reader/)
  await close()
})

test('the memory of a reader lives until it is closed, though its caller has let go of it', async () => {
  setFlagsFromString('--expose-gc')
  const collect: () => void = runInNewContext('gc')
  const { number, close } = await member()
  const openLost = () => {
    const memory = memoryFor('key')
    return { reader: binding.openReader(number, memory, RESULT_BYTES), memory: new WeakRef(memory.buffer) }
  }
  const { reader, memory } = openLost()
  const isThere = async () => {
    await new Promise((resolve) => setImmediate(resolve))
    collect()
    return memory.deref() !== undefined
  }
  expect(await isThere()).toBe(true)
  expect(binding.readKey(reader)).toBeGreaterThan(0)
  binding.closeReader(reader)
  expect(await isThere()).toBe(false)
  await close()
})
