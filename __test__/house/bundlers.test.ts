// An app that is bundled either works, or `open` says what is missing; and an app of CommonJS may require the package.
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as esbuild from 'esbuild'
import * as rolldown from 'rolldown'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { platformName } from '../../src/native/platform.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const BINARY = join(ROOT, `build/rafterdb.${platformName()}.node`)
/** A process that has not ended by then does not end by itself. */
const END_MS = 30_000
const dir = mkdtempSync(join(tmpdir(), 'rafterdb-bundlers-'))
afterAll(() => rmSync(dir, { recursive: true, force: true }))

const APP = `
  import { open } from 'rafterdb'
  async function main() {
    const { xxh3 } = await import('rafterdb/native')
    const db = await open({ dataDir: process.argv[2] })
    await db.put('a', String(xxh3('a')))
    console.log('read', await db.get('a'))
    await db.close()
  }
  main().catch((error) => console.log('refused', error.code, error.message))
`

beforeAll(() => {
  mkdirSync(join(dir, 'node_modules'))
  symlinkSync(ROOT, join(dir, 'node_modules/rafterdb'), 'dir')
  writeFileSync(join(dir, 'app.mjs'), APP)
})

interface Plan {
  format: 'esm' | 'cjs'
  external: boolean
  worker: boolean
}

type Bundle = (plan: Plan, out: string) => Promise<unknown>

const entries = ({ worker }: Plan) => ({
  app: join(dir, 'app.mjs'),
  ...(worker ? { 'raft-worker': 'rafterdb/raft-worker' } : {}),
})

const bundlers: Record<string, Bundle> = {
  esbuild: (plan, outdir) =>
    esbuild.build({
      entryPoints: entries(plan),
      absWorkingDir: dir,
      outdir,
      bundle: true,
      platform: 'node',
      format: plan.format,
      external: plan.external ? ['rafterdb'] : [],
      logLevel: 'silent',
    }),
  rolldown: (plan, out) =>
    rolldown.build({
      input: entries(plan),
      cwd: dir,
      platform: 'node',
      external: plan.external ? [/^rafterdb/] : [],
      output: { dir: out, format: plan.format },
      logLevel: 'silent',
    }),
}

function run(script: string, dataDir: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, RAFTERDB_NATIVE: BINARY }
    execFile(process.execPath, [script, dataDir], { env, timeout: END_MS }, (error, out, complaint) => {
      if (error) reject(new Error(`${error.message}\n${complaint}`))
      else resolve(out)
    })
  })
}

async function runBundle(name: string, plan: Plan): Promise<string> {
  const out = join(dir, `${name}-${Object.values(plan).join('-')}`)
  await bundlers[name]?.(plan, out)
  writeFileSync(join(out, 'package.json'), JSON.stringify({ type: plan.format === 'esm' ? 'module' : 'commonjs' }))
  return run(join(out, 'app.js'), join(out, 'data'))
}

const READ = /^read \d+\n$/
const NO_WORKER = /^refused WORKER_FAILED .*raft-worker\.js.*--external rafterdb/
/** esbuild leaves such a file no word of where it is. */
const NOWHERE = /^refused BINARY_MISSING .*CommonJS.*--external rafterdb/

test.each<[string, string, Plan, RegExp]>([
  ['esbuild', 'left out of an ES module', { format: 'esm', external: true, worker: false }, READ],
  ['esbuild', 'left out of a CommonJS file', { format: 'cjs', external: true, worker: false }, READ],
  ['esbuild', 'bundled with its worker', { format: 'esm', external: false, worker: true }, READ],
  ['esbuild', 'bundled without its worker', { format: 'esm', external: false, worker: false }, NO_WORKER],
  ['esbuild', 'bundled into a CommonJS file', { format: 'cjs', external: false, worker: true }, NOWHERE],
  ['rolldown', 'left out of an ES module', { format: 'esm', external: true, worker: false }, READ],
  ['rolldown', 'left out of a CommonJS file', { format: 'cjs', external: true, worker: false }, READ],
  ['rolldown', 'bundled with its worker', { format: 'esm', external: false, worker: true }, READ],
  ['rolldown', 'bundled without its worker', { format: 'esm', external: false, worker: false }, NO_WORKER],
  ['rolldown', 'bundled into a CommonJS file, with its worker', { format: 'cjs', external: false, worker: true }, READ],
])('%s: %s', async (name, _, plan, outcome) => {
  expect(await runBundle(name, plan)).toMatch(outcome)
})

test('CommonJS may require it, and its native part, on every Node that is supported: no module of it awaits at its top', async () => {
  const script = join(dir, 'required.cjs')
  writeFileSync(
    script,
    `const { open, RafterError } = require('rafterdb')
     const { xxh3 } = require('rafterdb/native')
     open({ dataDir: process.argv[2] }).then(async (db) => {
       await db.put('a', '1')
       const error = await db.put('', '1').catch((error) => error)
       console.log(await db.get('a'), typeof xxh3('a'), error instanceof RafterError)
       await db.close()
     })`,
  )
  expect(await run(script, join(dir, 'required'))).toBe('1 number true\n')
})
