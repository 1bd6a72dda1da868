// Goal: clients that come and go one after another use the same large buffers: what is left to the collector lies about for long, and
// grows the heap of the allocator by 70 MiB before it runs.
import { afterEach, expect, test, vi } from 'vitest'
import { acquireBuffer, BUFFER_BYTES, releaseBuffer } from '../../src/client/buffers/spare-buffers.js'
import { createEmbedded } from '../../src/client/database/create-database.js'
import { FakeNetwork } from './fake-member.js'

afterEach(() => {
  vi.restoreAllMocks()
})

/** Large buffers that are allocated from now on. */
function allocations(): () => number {
  const allocate = vi.spyOn(Buffer, 'allocUnsafeSlow')
  return () => allocate.mock.calls.filter(([bytes]) => bytes >= BUFFER_BYTES).length
}

async function live(network: FakeNetwork, value: string): Promise<void> {
  const db = await createEmbedded({ ports: network.ports })
  // A get and a put in one turn go out from buffers of their own, which are gathered in a third.
  const [, read] = await Promise.all([db.put('a', value), db.get('b'), db.put('b', value, { timeout: 5_000 })])
  expect(read).toBeDefined()
  expect(await db.get('a')).toBe(value)
  expect(await db.get('a', { consistency: 'serializable' })).toBe(value)
  await db.close()
}

test('the buffers of a closed client serve the next one', async () => {
  const network = new FakeNetwork()
  await live(network, 'first')
  const made = allocations()
  for (let i = 0; i < 20; i++) await live(network, `${i}`)
  expect(made()).toBe(0)
})

test('clients at one time have buffers of their own', async () => {
  const network = new FakeNetwork()
  await Promise.all(Array.from({ length: 20 }, () => live(network, 'the same')))
  const made = allocations()
  const buffers = Array.from({ length: 40 }, () => acquireBuffer())
  // As many as are kept were there.
  expect(made()).toBe(24)
  expect(new Set(buffers).size).toBe(40)
})

test('a buffer of another size is not kept', () => {
  const made = allocations()
  while (made() === 0) acquireBuffer()
  releaseBuffer(Buffer.alloc(1))
  expect(acquireBuffer().length).toBe(BUFFER_BYTES)
})
