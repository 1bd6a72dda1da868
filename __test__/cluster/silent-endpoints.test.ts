// Endpoints that take a connection and say nothing: whoever connects to them waits, and nobody else. Files, names and hashes of the
// app share libuv's few threads, so none of ours may wait there.
import { pbkdf2 } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import { promisify } from 'node:util'
import { connect } from 'rafterdb'
import { expect, test } from 'vitest'

/** Above the threads of libuv's pool, by far. */
const ENDPOINTS = 16
/** Each dial waits for two seconds. */
const QUICK_MS_MAX = 1_000
const LOOK_MS = 2_000

async function silent(open: Socket[]): Promise<Server> {
  const server = createServer((socket) => open.push(socket.on('error', () => {})))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server
}

test('the app’s own files and hashes are quick while many endpoints stay silent', { timeout: 60_000 }, async () => {
  const sockets: Socket[] = []
  const servers = await Promise.all(Array.from({ length: ENDPOINTS }, () => silent(sockets)))
  try {
    const endpoints = servers.map((server) => `127.0.0.1:${(server.address() as { port: number }).port}`)
    const dials = endpoints.map((endpoint) =>
      connect({ endpoints: [endpoint], requestTimeout: 3_000 }).catch((error) => error.code),
    )
    const times: number[] = []
    const until = performance.now() + LOOK_MS
    while (performance.now() < until) {
      const began = performance.now()
      await Promise.all([stat('.'), promisify(pbkdf2)('password', 'salt', 1, 32, 'sha256')])
      times.push(performance.now() - began)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    expect(Math.max(...times)).toBeLessThan(QUICK_MS_MAX)
    expect(sockets.length).toBeGreaterThanOrEqual(ENDPOINTS)
    expect(await Promise.all(dials)).toEqual(Array(ENDPOINTS).fill('UNREACHABLE'))
  } finally {
    for (const socket of sockets) socket.destroy()
    for (const server of servers) server.close()
  }
})
