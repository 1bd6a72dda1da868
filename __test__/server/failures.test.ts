// Whatever goes wrong at the command line is one clear line on stderr and an exit code, never a stack trace.
import { expect, test } from 'vitest'
import type { Database } from '../../src/client/api.js'
import { RafterError } from '../../src/errors.js'
import { shell } from './shell.js'

const cases: [string, string[], number, RegExp][] = [
  ['a mistyped command', ['stats'], 2, /unknown command 'stats' \(Did you mean status\?\)/],
  ['a mistyped flag', ['range', '--prefx', 'a'], 2, /unknown option '--prefx' \(Did you mean --prefix\?\)/],
  ['a flag without its value', ['range', '--prefix'], 2, /argument missing/],
  [
    'a number that is none',
    ['range', '--limit', 'ten'],
    2,
    /'--limit <count>' argument 'ten' is invalid\. It must be a whole number from 1/,
  ],
  [
    'an endpoint without a port',
    ['status', '--endpoints', 'localhost'],
    2,
    /localhost is not host:port, such as 127\.0\.0\.1:7101, nor unix:\/path/,
  ],
  ['a time without a unit that exists', ['status', '--timeout', '3 weeks'], 2, /time such as 250ms or 2s/],
  ['an argument too many', ['get', 'a', 'b'], 2, /too many arguments/],
  ['a missing argument', ['get'], 2, /missing required argument 'key'/],
  ['members that are not a count of dev', ['dev', '--members', '2'], 2, /one of 1, 3, 5, 7/],
]

test.each(cases)('%s', async (_name, args, code, line) => {
  const result = await shell(args)
  expect(result.code).toBe(code)
  expect(result.err).toMatch(line)
  expect(result.err).toMatch(/^rafterdb: [^\n]+\n$/)
  expect(result.out).toBe('')
})

const unreachable = async (): Promise<Database> => {
  throw new RafterError('UNREACHABLE', 'no member answers at 127.0.0.1:7101')
}

test('unreachable endpoints: one line with what to do, exit code 3', async () => {
  for (const args of [['status'], ['put', 'a', 'b'], ['get', 'a'], ['range'], ['watch'], ['export'], ['del', 'a']]) {
    const { code, err } = await shell(args, { connect: unreachable })
    expect(code).toBe(3)
    expect(err).toBe(
      'rafterdb: no member answers at 127.0.0.1:7101; start a cluster with `rafterdb dev`, or pass --endpoints (UNREACHABLE)\n',
    )
  }
})

test('an error of the database is printed with its code', async () => {
  expect(await shell(['put', '', 'v'])).toMatchObject({ code: 1, err: 'rafterdb: a key needs at least one byte (KEY_EMPTY)\n' })
})

test('an error nobody expected is still one line', async () => {
  const connect = async (): Promise<Database> => {
    throw new TypeError('x is not\n  a function')
  }
  expect(await shell(['get', 'a'], { connect })).toMatchObject({ code: 1, err: 'rafterdb: x is not a function\n' })
})

test('endpoints come from the flag, the environment, or are those of dev', async () => {
  const env = { RAFTERDB_ENDPOINTS: '10.0.0.1:7000, 10.0.0.2:7000' }
  const given = ['get', 'a', '--json', '--endpoints', '[::1]:7000', '--timeout', '2s']
  expect((await shell(given, { env })).connected).toEqual([{ endpoints: ['[::1]:7000'], requestTimeout: 2_000 }])
  expect((await shell(['get', 'a', '--json'], { env })).connected).toEqual([{ endpoints: ['10.0.0.1:7000', '10.0.0.2:7000'] }])
  expect((await shell(['get', 'a', '--json'])).connected[0]?.endpoints).toEqual([
    '127.0.0.1:7101',
    '127.0.0.1:7102',
    '127.0.0.1:7103',
  ])
  const wrong = await shell(['get', 'a'], { env: { RAFTERDB_ENDPOINTS: 'nowhere' } })
  expect(wrong.code).toBe(2)
  expect(wrong.err).toMatch(/^rafterdb: RAFTERDB_ENDPOINTS is invalid\. nowhere is not/)
})

test('help and version go to stdout and exit with 0', async () => {
  const help = await shell(['--help'])
  expect(help.code).toBe(0)
  for (const command of ['serve', 'dev', 'put', 'get', 'del', 'range', 'txn', 'watch', 'status', 'import', 'export']) {
    expect(help.out).toContain(`  ${command} `)
  }
  expect(await shell(['--version'])).toMatchObject({ code: 0, out: '0.1.0\n' })
})

test('no command at all prints the help and exits with 2', async () => {
  const { code, err } = await shell([])
  expect(code).toBe(2)
  expect(err).toContain('Usage: rafterdb')
})
