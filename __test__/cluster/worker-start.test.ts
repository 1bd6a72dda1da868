// The Raft worker comes up however the app's process was started, and `open` says so if it does not.
import { spawn } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { open } from 'rafterdb'
import { afterAll, expect, test } from 'vitest'
import { platformName } from '../../src/native/platform.js'

const DIST = fileURLToPath(new URL('../../dist', import.meta.url))
const BINARY = fileURLToPath(new URL(`../../build/rafterdb.${platformName()}.node`, import.meta.url))
/** A process that has not ended by then does not end by itself. */
const END_MS = 30_000
const dir = mkdtempSync(join(tmpdir(), 'rafterdb-start-'))
afterAll(() => rmSync(dir, { recursive: true, force: true }))

/** An app that uses a store of rafterdb as it is in `dist`, and prints what came of it. */
const app = (dataDir: string, dist = DIST) => `
  import(${JSON.stringify(pathToFileURL(join(dist, 'index.js')).href)}).then(async ({ open }) => {
    const db = await open({ dataDir: ${JSON.stringify(dataDir)} })
    await db.put('a', '1')
    console.log('read', await db.get('a'))
    await db.close()
  }).catch((error) => console.log('refused', error.code, error.message))
`

/** What `app` does not run in: code that is meant for the app's own thread. */
const mainOnly = "if (!require('node:worker_threads').isMainThread) throw new Error('this is for the main thread')"
const required = join(dir, 'required.cjs')
const imported = join(dir, 'imported.mjs')
writeFileSync(required, mainOnly)
writeFileSync(
  imported,
  `import { createRequire } from 'node:module'\nconst require = createRequire(import.meta.url)\n${mainOnly}`,
)
const hooks = join(dir, 'hooks.mjs')
const registers = join(dir, 'registers.mjs')
writeFileSync(
  hooks,
  `export async function resolve(name, context, next) {
    if (name.endsWith('raft-worker.js') || context.parentURL?.endsWith('raft-worker.js')) throw new Error('not for workers')
    return next(name, context)
  }`,
)
writeFileSync(registers, `import { register } from 'node:module'\nregister(${JSON.stringify(pathToFileURL(hooks).href)})`)

interface Start {
  args?: string[]
  env?: Record<string, string>
  input?: string
}

/** Runs Node to its end; resolves to what it printed. */
function run({ args = [], env = {}, input = '' }: Start): Promise<string> {
  return new Promise((resolve, reject) => {
    const { NODE_OPTIONS: _, NODE_V8_COVERAGE: __, ...own } = process.env
    const child = spawn(process.execPath, args, { env: { ...own, RAFTERDB_NATIVE: BINARY, ...env }, timeout: END_MS })
    let printed = ''
    child.stdout.on('data', (chunk: Buffer) => {
      printed += chunk
    })
    let complaint = ''
    child.stderr.on('data', (chunk: Buffer) => {
      complaint += chunk
    })
    child.once('error', reject)
    child.once('close', (code, signal) => {
      if (code === 0) resolve(printed)
      else reject(new Error(`it ended with ${code ?? signal}: ${printed}${complaint}`))
    })
    child.stdin.end(input)
  })
}

/** How many starts there were: each has a directory of its own. */
let starts = 0
const source = () => app(join(dir, `start-${starts++}`))
const file = () => {
  const path = join(dir, `app-${starts}.cjs`)
  writeFileSync(path, source())
  return path
}
const quoted = (path: string) => path.replaceAll('\\', '/')

test.each<[string, () => Start]>([
  ['a file', () => ({ args: [file()] })],
  ['--eval', () => ({ args: ['--eval', source()] })],
  ['--eval of a module', () => ({ args: ['--input-type=module', '--eval', source()] })],
  ['--print', () => ({ args: ['--print', source()] })],
  ['a script on standard input', () => ({ args: ['-'], input: source() })],
  ['a module on standard input', () => ({ args: ['--input-type=module'], input: source() })],
  ['--require', () => ({ args: ['--require', required, file()] })],
  ['--import', () => ({ args: ['--import', pathToFileURL(imported).href, file()] })],
  ['--import of a loader', () => ({ args: ['--import', pathToFileURL(registers).href, file()] })],
  ['--experimental-loader', () => ({ args: ['--experimental-loader', pathToFileURL(hooks).href, file()] })],
  ['NODE_OPTIONS', () => ({ args: [file()], env: { NODE_OPTIONS: `--require ${quoted(required)}` } })],
  ['--inspect', () => ({ args: ['--inspect=0', file()] })],
  ['--frozen-intrinsics', () => ({ args: ['--frozen-intrinsics', file()] })],
  ['--preserve-symlinks', () => ({ args: ['--preserve-symlinks', '--preserve-symlinks-main', file()] })],
  ['--trace-exit and --throw-deprecation', () => ({ args: ['--trace-exit', '--throw-deprecation', file()] })],
  ['a small heap', () => ({ args: ['--max-old-space-size=64', file()] })],
  ['coverage', () => ({ args: [file()], env: { NODE_V8_COVERAGE: join(dir, 'coverage') } })],
])('a store works in a process started with %s', async (_, start) => {
  expect(await run(start())).toContain('read 1')
})

test('a profile of the app is one: the worker makes none of its own', async () => {
  const profiles = join(dir, 'profiles')
  mkdirSync(profiles)
  expect(await run({ args: ['--cpu-prof', `--cpu-prof-dir=${profiles}`, file()] })).toContain('read 1')
  expect(readdirSync(profiles)).toHaveLength(1)
})

test.each<[string, string | null, RegExp]>([
  ['is not there', null, /raft-worker\.js.*bundled without it.*--external rafterdb/],
  ['throws as it begins', "throw new Error('no such luck')", /no such luck/],
  ['ends before it runs', 'process.exit(3)', /ended with 3 before it ran/],
])('open fails, and lets go of the directory, if the worker %s', async (title, code, message) => {
  const dist = join(dir, title, 'dist')
  const dataDir = join(dir, title, 'data')
  cpSync(DIST, dist, { recursive: true })
  writeFileSync(join(dir, title, 'package.json'), '{ "type": "module" }')
  const worker = join(dist, 'cluster/raft-worker.js')
  if (code === null) rmSync(worker)
  else writeFileSync(worker, code)
  const twice = `${app(dataDir, dist)}.then(() => 0)`
  const printed = await run({ args: ['--input-type=module', '--eval', `await ${twice.trim()}; await ${twice.trim()}`] })
  const refusals = printed.split('\n').filter((line) => line.startsWith('refused WORKER_FAILED'))
  // The second attempt meets no lock of the first.
  expect(refusals).toHaveLength(2)
  expect(refusals[1]).toMatch(message)
  await (await open({ dataDir })).close()
})
