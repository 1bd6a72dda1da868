// Goal: what a member promised a leader in an earlier life, not to vote for an election timeout, is known to the next life, however
// the time-outs were set. Told to the Raft worker as `promisedBefore`.
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, expect, test } from 'vitest'
import { memberOptions } from '../../src/cluster/options.js'
import type { MemberInfo } from '../../src/native/binding.js'
import { parseReply } from '../../src/native/errors.js'
import { loadBinding } from '../../src/native/load.js'
import { copy } from './copy.js'

const MIB = 1 << 20
const root = mkdtempSync(join(tmpdir(), 'rafterdb-promises-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

/** One life with an election timeout; ended by a kill or by a close after so many ms. Resolves to what it was told. */
async function live(name: string, electionTimeout: number, end: 'kill' | number): Promise<number> {
  const dataDir = join(root, name)
  const heartbeatInterval = Math.floor(electionTimeout / 5)
  const { config } = memberOptions({ dataDir, electionTimeout, heartbeatInterval, memory: 32 * MIB })
  const binding = loadBinding()
  const nothing = () => undefined
  const info = parseReply<MemberInfo>(await binding.openMember(JSON.stringify(config), nothing, nothing, false))
  const killed = `${dataDir}-killed`
  if (end === 'kill') copy(dataDir, killed)
  else await sleep(end)
  binding.stopMember(info.member)
  await binding.closeMember(info.member)
  if (end === 'kill') {
    rmSync(dataDir, { recursive: true })
    cpSync(killed, dataDir, { recursive: true })
  }
  return info.promisedBefore
}

const stored = (name: string) =>
  (JSON.parse(readFileSync(join(root, name, 'member.json'), 'utf8')) as { promised: number }).promised

test('a shorter election timeout does not shorten a promise that was given', async () => {
  expect(await live('shorter', 5_000, 'kill')).toBe(0)
  expect(await live('shorter', 500, 'kill')).toBe(5_000)
  // Not even after a clean close, so soon.
  expect(await live('shorter', 500, 0)).toBe(5_000)
  expect(stored('shorter')).toBe(5_000)
})

test('a longer one is on disk before anything is promised', async () => {
  expect(await live('longer', 500, 'kill')).toBe(0)
  expect(await live('longer', 5_000, 'kill')).toBe(500)
  expect(await live('longer', 500, 'kill')).toBe(5_000)
})

test('a promise is forgotten once it can no longer be under way', async () => {
  expect(await live('forgotten', 200, 'kill')).toBe(0)
  expect(await live('forgotten', 100, 600)).toBe(200)
  expect(await live('forgotten', 100, 0)).toBe(100)
})
