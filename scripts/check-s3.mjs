// The tests of backups in a bucket, against an S3 server that many others use: versitygw, which verifies each signature and each body by itself.
// Installs it with Go, at the version below, in a directory of its own under the system's temporary one; `--server FILE` takes another binary.
//   node scripts/check-s3.mjs
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { run } from './run.mjs'

const VERSION = 'v1.8.0'
const START_MS_MAX = 10_000
/** Those of `__test__/backup/object-store.ts`. */
const [ACCESS, SECRET, REGION, BUCKET] = ['S3RVER', 'S3RVER/+=', 'eu-test-1', 'backups']

const { values } = parseArgs({
  options: { server: { type: 'string', default: join(tmpdir(), `versitygw-${VERSION}`, 'versitygw') } },
})
if (!existsSync(values.server)) {
  const GOBIN = join(values.server, '..')
  run('go', ['install', `github.com/versity/versitygw/cmd/versitygw@${VERSION}`], { env: { GOBIN } })
}

const directory = mkdtempSync(join(tmpdir(), 'rafterdb-s3-'))
// A bucket is a directory to it.
const port = await freePort()
mkdirSync(join(directory, 'objects', BUCKET), { recursive: true })
const given = [
  '--port',
  `127.0.0.1:${port}`,
  '--access',
  ACCESS,
  '--secret',
  SECRET,
  '--region',
  REGION,
  '--health',
  '/health',
  '--quiet',
]
const server = spawn(values.server, [...given, 'posix', join(directory, 'objects')], { stdio: ['ignore', 'ignore', 'inherit'] })
try {
  await started()
  const env = { RAFTERDB_S3_PORT: String(port), RAFTERDB_S3_DIRECTORY: join(directory, 'objects') }
  process.exitCode = run.status('vitest', ['run', '__test__/backup/s3.test.ts'], { env })
} finally {
  server.kill()
  rmSync(directory, { recursive: true, force: true })
}

async function started() {
  const deadline = performance.now() + START_MS_MAX
  for (;;) {
    if (server.exitCode !== null) throw new Error(`${values.server} ended with ${server.exitCode}`)
    const answer = await fetch(`http://127.0.0.1:${port}/health`).catch(() => null)
    if (answer?.ok) return
    if (performance.now() > deadline) throw new Error(`${values.server} does not answer`)
    await sleep(50)
  }
}

async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => probe.once('listening', resolve))
  const { port } = probe.address()
  await new Promise((resolve) => probe.close(resolve))
  return port
}
