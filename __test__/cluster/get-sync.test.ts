// getSync against the native member: its buffers are named once and grow, each store has its own.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { open } from 'rafterdb'
import { expect, test } from 'vitest'

/** Above the first buffer for results. */
const LARGE = 'x'.repeat(200_000)

test('values of any size, one after the other, from two stores at a time', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'rafterdb-get-sync-'))
  const [one, other] = await Promise.all(['one', 'other'].map((name) => open({ dataDir: join(dir, name) })))
  if (one === undefined || other === undefined) throw new Error('two were opened')
  try {
    await Promise.all([one.put('small', 'one'), one.put('large', LARGE), one.put('größe', 'ünï'), other.put('small', 'other')])
    for (let round = 0; round < 3; round++) {
      expect(one.getSync('small')).toBe('one')
      expect(one.getSync('large')).toBe(LARGE)
      expect(other.getSync('small')).toBe('other')
      expect(other.getSync('large')).toBeNull()
      expect(one.getSync('größe')).toBe('ünï')
      expect(one.getSync(Buffer.from('small'), { as: 'bytes' })).toEqual(new Uint8Array(Buffer.from('one')))
    }
    await other.close()
    expect(() => other.getSync('small')).toThrow(expect.objectContaining({ code: 'CLOSED' }))
    expect(one.getSync('small')).toBe('one')
  } finally {
    await Promise.all([one.close(), other.close()])
    rmSync(dir, { recursive: true, force: true })
  }
})
