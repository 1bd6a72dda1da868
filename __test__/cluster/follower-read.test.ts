// A linearizable read of a follower, right after a write: it costs a round trip to the leader, and waits for no timer.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Database, open } from 'rafterdb'
import { expect, test } from 'vitest'
import { freePorts } from '../ports.js'

/** A follower is told of a commit a tenth of it later: 80 ms. */
const HEARTBEAT_INTERVAL_MS = 800
const ROUNDS = 21
/** Far above a round trip, far below what the leader tells of by itself. */
const MEDIAN_MS_MAX = 30

test('a follower asked right after a write answers without waiting for the next heartbeat', { timeout: 120_000 }, async () => {
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
    const leader = (await any.status()).find((member) => member.role === 'leader')?.name as string
    const follower = databases.get(['a', 'b', 'c'].find((name) => name !== leader) as string) as Database
    const times: number[] = []
    for (let round = 0; round < ROUNDS; round += 1) {
      await databases.get(leader)?.put('key', String(round))
      const began = performance.now()
      expect(await follower.get('key')).toBe(String(round))
      times.push(performance.now() - began)
    }
    const median = times.sort((a, b) => a - b)[ROUNDS >> 1] as number
    expect(median).toBeLessThan(MEDIAN_MS_MAX)
  } finally {
    await Promise.all([...databases.values()].map((database) => database.close()))
    rmSync(dir, { recursive: true, force: true })
  }
})
