// Goal: one process at a time has a data directory, also when somebody removes its LOCK file: the directory itself is locked.
import { existsSync, mkdtempSync, rmSync, unlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { open } from 'rafterdb'
import { afterAll, expect, test } from 'vitest'
import { Child } from './child.js'

const dataDir = mkdtempSync(join(tmpdir(), 'rafterdb-lock-'))
afterAll(() => rmSync(dataDir, { recursive: true, force: true }))

// On Windows a locked file cannot be removed.
test.skipIf(process.platform === 'win32')('the LOCK file is removed while a store is open', async () => {
  const db = await open({ dataDir })
  await db.put('a', '1')
  unlinkSync(join(dataDir, 'LOCK'))
  const other = new Child()
  await expect(other.ask('open', { dataDir })).rejects.toThrow(/open in another process/)
  await expect(open({ dataDir })).rejects.toMatchObject({ code: 'DATA_DIR_LOCKED' })
  // They have made the file anew; that one is removed as well.
  if (existsSync(join(dataDir, 'LOCK'))) unlinkSync(join(dataDir, 'LOCK'))
  await expect(open({ dataDir })).rejects.toMatchObject({ code: 'DATA_DIR_LOCKED' })
  await db.put('a', '2')
  await db.close()
  await other.ask('open', { dataDir })
  expect(await other.get('a')).toBe('2')
  await other.ask('close')
  other.release()
  await other.gone
})
