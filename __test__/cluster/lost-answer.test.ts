// A member whose questions reach the leader while the answers cannot come back: nothing waits for an answer that was lost.
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, connect as dial, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Database, open } from 'rafterdb'
import { expect, test } from 'vitest'
import { freePorts } from '../ports.js'
import { eventually } from './harness.js'

const GAPS = 5
/** How long nobody can connect to the member: shorter than an election timeout, so that it goes on to follow. */
const GAP_MS = 150
/** Far above what a call takes, far below its timeout. */
const PROMPT_MS = 5_000

/** What stands between a member and those that dial it. */
class Gate {
  readonly #sockets = new Set<Socket>()
  #open = true

  async start(port: number, to: number): Promise<() => void> {
    const server = createServer((socket) => {
      if (!this.#open) {
        socket.destroy()
        return
      }
      const onward = dial(to, '127.0.0.1')
      for (const [from, into] of [
        [socket, onward],
        [onward, socket],
      ] as const) {
        this.#sockets.add(from)
        from.on('error', () => {})
        from.on('close', () => {
          this.#sockets.delete(from)
          into.destroy()
        })
        from.pipe(into)
      }
    })
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
    return () => {
      server.close()
      this.shut()
    }
  }

  shut(): void {
    this.#open = false
    for (const socket of this.#sockets) socket.destroy()
  }

  lift(): void {
    this.#open = true
  }
}

test('no call waits for an answer that was lost on its way back', { timeout: 120_000 }, async () => {
  const dir = mkdtempSync(join(tmpdir(), 'rafterdb-lost-answer-'))
  const [portA = 0, portB = 0, portC = 0, portOfGate = 0] = await freePorts(4)
  const gate = new Gate()
  const closeGate = await gate.start(portOfGate, portA)
  const at = (port: number) => `127.0.0.1:${port}`
  const members = { a: at(portOfGate), b: at(portB), c: at(portC) }
  const opened = { a: at(portA), b: at(portB), c: at(portC) }
  const dbs: Database[] = await Promise.all(
    Object.entries(opened).map(([name, listen]) =>
      open({ name, dataDir: join(dir, name), members, listen, requestTimeout: 60_000 }),
    ),
  )
  try {
    const [a, b] = dbs as [Database, Database]
    await eventually('b leads', async () => {
      await b.transferLeader('b')
      const [, leads] = await b.status()
      expect(leads?.role).toBe('leader')
    })
    for (let gap = 0; gap < GAPS; gap++) {
      await a.put('key', `before ${gap}`)
      gate.shut()
      const calls: Promise<unknown>[] = []
      const until = performance.now() + GAP_MS
      while (performance.now() < until) {
        calls.push(a.get('key'), a.put('key', `in ${gap}`))
        await sleep(5)
      }
      gate.lift()
      const answered = Promise.all(calls).then(() => 'answered')
      expect(await Promise.race([answered, sleep(PROMPT_MS, 'waiting')]), `gap ${gap}`).toBe('answered')
    }
  } finally {
    await Promise.all(dbs.map((db) => db.close()))
    closeGate()
    rmSync(dir, { recursive: true, force: true })
  }
})
