// Goal: an app's tests may run in jest with its defaults: CommonJS, a realm of its own, a `require` that knows no ES modules. The
// fixture does what jest does; jest itself is 280 packages.
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const RUNNER = fileURLToPath(new URL('fixtures/test-runner.cjs', import.meta.url))
const dir = mkdtempSync(join(tmpdir(), 'rafterdb-runners-'))
afterAll(() => rmSync(dir, { recursive: true, force: true }))

const APP_TEST = `
  const { compare, del, open, put, range, RafterError } = require('rafterdb')
  const { xxh3 } = require('rafterdb/native')
  const bytes = Uint8Array.of(1, 2)
  async function main() {
    const db = await open({ dataDir: ${JSON.stringify(join(dir, 'data'))} + process.argv[3] })
    await db.put('a', '1')
    await db.put(bytes, Uint8Array.of(3, 4))
    const read = [await db.get('a'), [...(await db.get(bytes, { as: 'bytes' }))]]
    const stream = db.watch({ prefix: 'w' })[Symbol.asyncIterator]()
    await db.put('w', 'x')
    read.push((await stream.next()).value.value)
    const then = [del(bytes), put('b', bytes), range({ prefix: bytes })]
    const { succeeded } = await db.txn().if(compare(bytes, 'value', '=', Uint8Array.of(3, 4))).then(...then).commit()
    read.push(succeeded, await db.get(bytes), typeof xxh3(bytes))
    const error = await db.put('', '1').catch((error) => error)
    read.push(error instanceof RafterError, error.code)
    const { runInThisContext } = require('node:vm')
    const nodes = runInThisContext('process').getBuiltinModule('node:module').createRequire(__filename)
    read.push(nodes('rafterdb').open === open)
    await db.close()
    console.log(JSON.stringify(read))
  }
  main().catch((error) => console.log('failed', error))
`

beforeAll(() => {
  mkdirSync(join(dir, 'node_modules'))
  symlinkSync(ROOT, join(dir, 'node_modules/rafterdb'), 'dir')
  writeFileSync(join(dir, 'app.test.cjs'), APP_TEST)
})

const run = async (...args: string[]) => (await promisify(execFile)(process.execPath, [RUNNER, ...args])).stdout

test.each([
  ['with bytes of the first realm, as in jest', []],
  ['with bytes of its own, as in jsdom', ['own']],
])('a test that requires the library opens a store and uses it, %s', async (_, more) => {
  const read = ['1', [3, 4], 'x', true, null, 'number', true, 'KEY_EMPTY', true]
  expect(await run(join(dir, 'app.test.cjs'), ...more)).toBe(`${JSON.stringify(read)}\n`)
})

test('canary: what is required in such a realm is evaluated there, and an ES module is refused', async () => {
  const file = join(dir, 'canary.test.cjs')
  const direct = `process.getBuiltinModule('node:module').createRequire(__filename)`
  writeFileSync(
    file,
    `const { runInThisContext } = require('node:vm')
     const refused = (use) => { try { return use() } catch (error) { return error.message } }
     console.log(globalThis !== runInThisContext('globalThis'), process !== runInThisContext('process'))
     console.log(refused(() => ${direct}(${JSON.stringify(join(ROOT, 'dist/index.js'))})))`,
  )
  expect(await run(file)).toMatch(/^true true\nMust use import to load ES Module/)
})
