// Reads of a follower right after a write: they cost a round trip to the leader, and wait for no timer and no turn of the event loop.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Database, open } from 'rafterdb'
import { expect, test } from 'vitest'
import { freePorts } from '../ports.js'

/** A follower is told of a commit a tenth of it later: 80 ms. */
const HEARTBEAT_INTERVAL_MS = 800
const ROUNDS = 21
/** Far above a round trip, far below what the leader tells of by itself. */
const MEDIAN_MS_MAX = 30

interface Three {
  leader: Database
  followers: [Database, Database]
}

/** Three members in this process, and which of them leads. */
async function withThree(run: (three: Three) => Promise<void>): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'rafterdb-follower-read-'))
  const ports = await freePorts(3)
  const members = Object.fromEntries(['a', 'b', 'c'].map((name, i) => [name, `127.0.0.1:${ports[i]}`]))
  const databases = new Map<string, Database>()
  try {
    const options = { members, heartbeatInterval: HEARTBEAT_INTERVAL_MS, requestTimeout: 60_000 }
    const opened = Object.keys(members).map(async (name) => {
      databases.set(name, await open({ ...options, name, dataDir: join(dir, name) }))
    })
    await Promise.all(opened)
    const any = databases.get('a') as Database
    await any.put('key', 'first')
    const name = (await any.status()).find((member) => member.role === 'leader')?.name as string
    const leader = databases.get(name) as Database
    await run({ leader, followers: [...databases.values()].filter((database) => database !== leader) as [Database, Database] })
  } finally {
    await Promise.all([...databases.values()].map((database) => database.close()))
    rmSync(dir, { recursive: true, force: true })
  }
}

test('a follower asked right after a write answers without waiting for the next heartbeat', { timeout: 120_000 }, () =>
  withThree(async ({ leader, followers: [follower] }) => {
    const times: number[] = []
    for (let round = 0; round < ROUNDS; round += 1) {
      await leader.put('key', String(round))
      const began = performance.now()
      expect(await follower.get('key')).toBe(String(round))
      times.push(performance.now() - began)
    }
    const median = times.sort((a, b) => a - b)[ROUNDS >> 1] as number
    expect(median).toBeLessThan(MEDIAN_MS_MAX)
  }),
)

test(
  'getSync of a follower is as far behind as it may be and no further, and STALE once nobody leads',
  { timeout: 120_000 },
  () =>
    withThree(async ({ leader, followers: [follower, other] }) => {
      expect(() => follower.getSync('key')).toThrow(expect.objectContaining({ code: 'NO_LEASE' }))
      const times: number[] = []
      for (let round = 0; round < ROUNDS; round += 1) {
        await leader.put('key', String(round))
        await sleep(10)
        const began = performance.now()
        expect(follower.getSync('key', { maxStaleness: 5 })).toBe(String(round))
        times.push(performance.now() - began)
      }
      const median = times.sort((a, b) => a - b)[ROUNDS >> 1] as number
      expect(median).toBeLessThan(MEDIAN_MS_MAX)
      await Promise.all([leader.close(), other.close()])
      await sleep(10)
      const stale = expect.objectContaining({ code: 'STALE', message: expect.stringContaining('await db.get') })
      expect(() => follower.getSync('key', { maxStaleness: 5 })).toThrow(stale)
      const last = String(ROUNDS - 1)
      expect(follower.getSync('key', { maxStaleness: 600_000 }), 'the last word is recent enough').toBe(last)
      expect(follower.getSync('key', { consistency: 'serializable' })).toBe(last)
    }),
)
