// A user's program compiles against index.d.ts alone, under the strictest options and without skipping library checks.
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))

const PROGRAM = `
import { Batcher, Compressor, hashMany, Ring, xxh3 } from 'rafterdb/native'
import { type Database, compare, connect, open, put, RafterError, type WatchEvent } from 'rafterdb'

const db: Database = await open({ dataDir: 'x' })
const text: string | null = await db.get('a')
const bytes: Uint8Array | null = await db.get('a', { as: 'bytes' })
const revision: number = (await db.put('a', new Uint8Array())).revision
for await (const { key } of db.range({ prefix: 'a', as: 'bytes' })) key.byteLength
for await (const event of db.watch({ key: 'a' })) {
  void (event satisfies WatchEvent)
  const value: string = event.type === 'put' ? event.value : 'deleted'
  void value
}
declare const signal: AbortSignal | undefined
await db.put('a', 'b', { signal })
await db.get('a', { signal, consistency: undefined })
// @ts-expect-error a version is a number
compare('a', 'version', '=', 'x')
// @ts-expect-error a value is none
compare('a', 'value', '=', 1)
// @ts-expect-error there is no such option
await db.put('a', 'b', { ttl: 5 })
const { succeeded } = await db.txn().if(compare('a', 'version', '=', 0)).then(put('a', 'b')).commit()
const remote = await connect({ endpoints: ['h:1'] })
try {
  await remote.close()
} catch (error) {
  if (error instanceof RafterError && error.outcome === 'unknown') console.log(error.details?.members[0]?.endpoint)
  if (error instanceof RafterError && error.code === 'CLOSED') console.log(text, bytes, revision, succeeded)
  // @ts-expect-error there is no such code
  if (error instanceof RafterError && error.code === 'NO_SUCH_CODE') console.log()
}

const hash: number = xxh3('a', 1n)
hashMany(new Uint8Array(2), Uint32Array.of(0, 1, 2), new Float64Array(2))
// @ts-expect-error a number has no bytes
xxh3(5)
const node: string = new Ring(['a', { name: 'b', weight: 2, zone: 'z' }]).lookup('key')
const packed: Uint8Array = new Compressor({ algorithm: 'zstd' }).compress('text')
await using batcher = new Batcher({ run: async (items: number[]) => items.map(String) })
const answer: string = await batcher.add(1)
console.log(hash, node, packed, answer)
`

/** The same for a program that is compiled to CommonJS. */
const REQUIRING = `
import { open, RafterError } from 'rafterdb'
import { xxh3 } from 'rafterdb/native'

export async function main(): Promise<void> {
  const db = await open({ dataDir: 'x' })
  console.log(await db.get('a'), xxh3('a'), RafterError.name)
}
`

/** The package as a user has it, in a directory whose files are of `type`. */
function withPackage(type: 'module' | 'commonjs', use: (directory: string) => void): void {
  const directory = mkdtempSync(join(tmpdir(), 'rafterdb-types-'))
  try {
    const modules = join(directory, 'node_modules')
    mkdirSync(join(modules, '@types'), { recursive: true })
    symlinkSync(root, join(modules, 'rafterdb'))
    symlinkSync(join(root, 'node_modules/@types/node'), join(modules, '@types/node'))
    symlinkSync(join(root, 'node_modules/undici-types'), join(modules, 'undici-types'))
    writeFileSync(join(directory, 'package.json'), JSON.stringify({ type }))
    use(directory)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

function compileProgram(directory: string, program: string, ...options: string[]): string {
  writeFileSync(join(directory, 'program.ts'), program)
  const strict = ['--strict', '--exactOptionalPropertyTypes', '--target', 'es2022', '--types', 'node']
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  return compile([tsc, ...strict, ...options, 'program.ts'], directory)
}

test('a program of a user compiles', { timeout: 120_000 }, () => {
  withPackage('module', (directory) => {
    expect(compileProgram(directory, PROGRAM, '--noEmit', '--module', 'nodenext')).toBe('')
  })
})

test.each(['node16', 'nodenext'])(
  'a program that is compiled to CommonJS compiles (%s) and runs',
  { timeout: 120_000 },
  (module) => {
    withPackage('commonjs', (directory) => {
      expect(compileProgram(directory, REQUIRING, '--module', module)).toBe('')
      const script = "require('./program.js').main().catch((error) => { console.error(error); process.exitCode = 1 })"
      // A file: what is on standard input or behind -e has flags of its own.
      writeFileSync(join(directory, 'run.cjs'), `${script}.finally(() => process.exit())`)
      expect(compile(['run.cjs'], directory)).toMatch(/^null \d+ RafterError\n$/)
    })
  },
)

/** What the compiler complains about. */
function compile(args: string[], cwd: string): string {
  try {
    return execFileSync(process.execPath, args, { cwd, encoding: 'utf8' })
  } catch (error) {
    return (error as { stdout: string }).stdout
  }
}
