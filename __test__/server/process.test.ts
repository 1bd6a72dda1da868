// The command line as a process: exit codes, pipes that close, one line on stderr. Runs what is built in dist.
import { execFile, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const script = fileURLToPath(new URL('../../dist/server/main.js', import.meta.url))

interface Result {
  code: number
  out: string
  err: string
}

function rafterdb(...args: string[]): Promise<Result> {
  return new Promise((resolve) => {
    execFile(process.execPath, [script, ...args], (error, out, err) =>
      resolve({ code: error ? Number(error.code) : 0, out, err }),
    )
  })
}

test('the version is that of the package', async () => {
  expect(await rafterdb('--version')).toEqual({ code: 0, out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/), err: '' })
})

test('a mistyped command exits with 2 and one line', async () => {
  expect(await rafterdb('stauts')).toEqual({
    code: 2,
    out: '',
    err: "rafterdb: unknown command 'stauts' (Did you mean status?)\n",
  })
})

test('an endpoint where nobody listens exits with 3 and one line', async () => {
  const { code, out, err } = await rafterdb('status', '--endpoints', '127.0.0.1:1', '--timeout', '2s')
  expect(err).toMatch(/^rafterdb: [^\n]*127\.0\.0\.1:1[^\n]*\(UNREACHABLE\)\n$/)
  expect({ code, out }).toEqual({ code: 3, out: '' })
})

test('a reader that leaves early is no error', async () => {
  const child = spawn(process.execPath, [script, 'help', 'serve'], { stdio: ['ignore', 'pipe', 'pipe'] })
  let err = ''
  child.stderr.on('data', (chunk) => (err += chunk))
  child.stdout.destroy()
  const code = await new Promise((resolve) => child.once('exit', resolve))
  expect({ code, err }).toEqual({ code: 0, err: '' })
})
