// Goal: what a stranger says cannot make a line of the log that no member wrote.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { crc32c } from 'rafterdb/native'
import { afterAll, expect, test } from 'vitest'
import { u8, u16, u32, u64 } from '../client/fake-wire.js'
import { freePorts } from '../ports.js'
import { eventually } from './harness.js'

const CLI = fileURLToPath(new URL('../../dist/server/main.js', import.meta.url))
const dir = mkdtempSync(join(tmpdir(), 'rafterdb-stranger-'))
afterAll(() => rmSync(dir, { recursive: true, force: true }))

const FORGED = 'evil\n2026-01-01T00:00:00.000Z INFO  forged\r\x1b[2J\u202e\u2028'

/** A hello of a member with another list of members, under a name that is none. */
function hello(): Buffer {
  const name = Buffer.from(FORGED)
  const body = [
    Buffer.from('RAFT'),
    u16(3),
    u8(1),
    u8(0),
    u64(7),
    u64(0),
    u64(9),
    u64(9),
    Buffer.alloc(32),
    u32(name.length),
    name,
  ]
  const bytes = Buffer.concat(body)
  return Buffer.concat([u32(bytes.length), u32(crc32c(bytes)), bytes])
}

test.each(['text', 'json'])(
  "a stranger's hello with a line break stays within its line (%s)",
  { timeout: 60_000 },
  async (format) => {
    const [port = 0] = await freePorts(1)
    const args = ['serve', '--data-dir', join(dir, format), '--listen', `127.0.0.1:${port}`, '--log-format', format]
    const child = spawn(process.execPath, [CLI, ...args], { stdio: ['ignore', 'ignore', 'pipe'] })
    let log = ''
    child.stderr?.on('data', (chunk) => (log += chunk))
    try {
      await eventually('the member', async () => expect(log).toContain('ready'))
      const socket = connect(port, '127.0.0.1')
      socket.on('error', () => {})
      await once(socket, 'connect')
      socket.write(hello())
      await eventually('the line', async () => expect(log).toContain('CLUSTER_MISMATCH'))
      socket.destroy()
    } finally {
      child.kill()
      await once(child, 'close')
    }
    const lines = log.split('\n').filter((line) => line !== '')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they must not be there
    expect(lines.filter((line) => /[\u0000-\u001f\u202e\u2028]/.test(line))).toEqual([])
    if (format === 'json') for (const line of lines) expect(JSON.parse(line)).toMatchObject({ level: expect.any(String) })
    else for (const line of lines) expect(line).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z (INFO|WARN|ERROR) /)
    expect(lines.filter((line) => line.startsWith('2026-01-01T00:00:00.000Z'))).toEqual([])
    expect(lines.filter((line) => line.includes('forged'))).toHaveLength(1)
  },
)
