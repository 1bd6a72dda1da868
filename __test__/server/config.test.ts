// `serve` takes each setting from the flag, else the environment, else the file, else the default, and says which.
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { OpenOptions } from '../../src/client/api.js'
import { FakeDatabase } from './fake-database.js'
import { shell } from './shell.js'

function configFile(content: string): string {
  const file = join(mkdtempSync(join(tmpdir(), 'rafterdb-')), 'rafterdb.json')
  writeFileSync(file, content)
  return file
}

async function effective(
  args: string[],
  env: Record<string, string> = {},
): Promise<Record<string, { value: unknown; origin: string }>> {
  const { code, out, err } = await shell(['serve', '--print-config', '--json', ...args], { env })
  expect(err).toBe('')
  expect(code).toBe(0)
  return JSON.parse(out).configuration
}

test('flags win over the environment, that over the file, that over the defaults', async () => {
  const file = configFile('{"memory": "64MiB", "durability": "os", "electionTimeout": 900, "leaseReads": false}')
  const env = { RAFTERDB_DURABILITY: 'interval', RAFTERDB_ELECTION_TIMEOUT: '2s' }
  const settings = await effective(['--config', file, '--election-timeout', '3s'], env)
  expect(settings['electionTimeout']).toEqual({ value: 3_000, origin: '--election-timeout' })
  expect(settings['durability']).toEqual({ value: 'interval', origin: 'RAFTERDB_DURABILITY' })
  expect(settings['memory']).toEqual({ value: 64 * 2 ** 20, origin: file })
  expect(settings['leaseReads']).toEqual({ value: false, origin: file })
  expect(settings['heartbeatInterval']).toEqual({ value: 100, origin: 'default' })
})

test('members may stand in a flag, the environment or the file, and give the address to listen on', async () => {
  const list = 'a=127.0.0.1:7101,b=127.0.0.1:7102,c=127.0.0.1:7103'
  const value = { a: '127.0.0.1:7101', b: '127.0.0.1:7102', c: '127.0.0.1:7103' }
  const file = configFile(JSON.stringify({ members: value, name: 'c' }))
  expect((await effective(['--name', 'b', '--members', list]))['listen']).toEqual({ value: '127.0.0.1:7102', origin: 'members' })
  expect((await effective([], { RAFTERDB_NAME: 'a', RAFTERDB_MEMBERS: list }))['members']).toEqual({
    value,
    origin: 'RAFTERDB_MEMBERS',
  })
  expect((await effective([], { RAFTERDB_CONFIG: file }))['listen']).toEqual({ value: '127.0.0.1:7103', origin: 'members' })
})

test('a member that joins says its name and where it listens, and founds nothing', async () => {
  const join = ['--join', 'h:1,unix:/run/a']
  const settings = await effective([...join, '--name', 'd', '--listen', 'h:4', '--advertise', 'd.example:4'])
  expect(settings['join']).toEqual({ value: ['h:1', 'unix:/run/a'], origin: '--join' })
  expect(settings['advertise']?.value).toBe('d.example:4')
  expect((await shell(['serve', '--print-config', ...join, '--name', 'd', '--listen', 'h:4'])).out).toMatch(
    /^join +h:1,unix:\/run\/a +--join$/m,
  )
  for (const [wrong, said] of [
    [['--listen', 'h:4'], '--join needs --name'],
    [['--name', 'd'], '--join needs --listen'],
    [['--name', 'd', '--listen', 'h:4', '--members', 'd=h:4'], '--join and --members exclude each other'],
  ] as const) {
    const { code, err } = await shell(['serve', '--print-config', ...join, ...wrong])
    expect([code, err]).toEqual([2, expect.stringContaining(said)])
  }
})

test('history is bounded by a time, by a number of revisions, by both or not at all, wherever that is said', async () => {
  const of = async (args: string[], env?: Record<string, string>) => (await effective(args, env))['history']?.value
  expect(await of([])).toEqual({ keep: ['1h', 5_000_000] })
  expect(await of(['--history', '7d'])).toEqual({ keep: ['7d'] })
  expect(await of([], { RAFTERDB_HISTORY: 'all' })).toEqual({ keep: 'all' })
  for (const content of ['"2h, 1000"', '{"keep": ["2h", 1000]}'])
    expect(await of(['--config', configFile(`{"history": ${content}}`)])).toEqual({ keep: ['2h', 1000] })
  for (const wrong of ['0', '1w', '-5', '1h,', 'all,1h']) {
    const { code, err } = await shell(['serve', '--print-config', '--history', wrong])
    expect([code, err.includes('It must be a time such as 1h')], wrong).toEqual([2, true])
  }
  expect((await shell(['serve', '--print-config'])).out).toMatch(/history +1h,5000000 +default/)
})

test('a single member listens on loopback', async () => {
  const settings = await effective([])
  expect(settings['listen']).toEqual({ value: '127.0.0.1:7101', origin: 'default' })
  expect(settings['dataDir']).toEqual({ value: './data', origin: 'default' })
})

test('the table shows sizes and times as people write them', async () => {
  const { out } = await shell(['serve', '--print-config', '--memory', '1GiB', '--data-dir', '/tmp/x'])
  expect(out).toMatch(/^SETTING +VALUE +ORIGIN\n/)
  expect(out).toMatch(/^memory +1024MiB +--memory$/m)
  expect(out).toMatch(/^valueBytesMax +1\.5MiB +default$/m)
  expect(out).toMatch(/^electionTimeout +500ms +default$/m)
  expect(out).toMatch(/^dataDir +\/tmp\/x +--data-dir$/m)
})

test('CPUs are listed as Linux lists them, in a flag or in the file', async () => {
  expect((await effective(['--cpu-affinity', '0-3,8']))['cpuAffinity']).toEqual({
    value: [0, 1, 2, 3, 8],
    origin: '--cpu-affinity',
  })
  expect((await effective([], { RAFTERDB_CPU_AFFINITY: 'numa' }))['cpuAffinity']?.value).toBe('numa')
  expect((await effective(['--config', configFile('{"cpuAffinity": [2, 0]}')]))['cpuAffinity']?.value).toEqual([2, 0])
  const { out } = await shell(['serve', '--print-config', '--cpu-affinity', '0,2'])
  expect(out).toMatch(/^cpuAffinity +0,2 +--cpu-affinity$/m)
  expect((await effective([]))['cpuAffinity']).toBeUndefined()
})

test('members may be witnesses, and have priorities, in a flag or in the file', async () => {
  const list = { a: 'h:1', b: { endpoint: 'h:2', priority: 5 }, c: { endpoint: 'h:3', witness: true } }
  const text = 'a=h:1,b=h:2/priority=5,c=h:3/witness'
  const given = await effective(['--name', 'c', '--members', text])
  expect(given['members']?.value).toEqual(list)
  expect(given['listen']?.value).toBe('h:3')
  const file = configFile(JSON.stringify({ members: list, name: 'c' }))
  expect((await effective(['--config', file]))['members']?.value).toEqual(list)
  const { out } = await shell(['serve', '--print-config', '--name', 'a', '--members', text])
  expect(out).toMatch(/^members +a=h:1,b=h:2\/priority=5,c=h:3\/witness +--members$/m)
})

const mistakes: [string, string[], Record<string, string>, RegExp][] = [
  [
    'a bad flag',
    ['--durability', 'never'],
    {},
    /'--durability <mode>' argument 'never' is invalid\. It must be one of always, interval, os/,
  ],
  ['a bad variable', [], { RAFTERDB_MEMORY: 'lots' }, /RAFTERDB_MEMORY: "lots" is invalid\. It must be a size such as 512MiB/],
  ['members without a name', ['--members', 'a=h:1,b=h:2,c=h:3'], {}, /--members needs --name: which of a, b, c/],
  ['a name that is no member', ['--name', 'x', '--members', 'a=h:1'], {}, /--name x is not among --members \(a\)/],
  ['a member twice', ['--name', 'a', '--members', 'a=h:1,a=h:2'], {}, /The name "a" is there twice/],
  ['a mark that is none', ['--name', 'a', '--members', 'a=h:1/witnes'], {}, /"\/witnes" is neither \/witness nor \/priority=N/],
  ['a priority that is none', ['--name', 'a', '--members', 'a=h:1/priority=x'], {}, /must be a whole number from 0 to 255/],
  ['a member without an address', ['--name', 'a', '--members', 'a'], {}, /"a" is not of the form name=host:port/],
  [
    'a CPU that is no number',
    ['--cpu-affinity', '0,a'],
    {},
    /'0,a' is invalid\. It must be a list of CPUs such as 0-3,8, or numa/,
  ],
  ['a CPU below zero', ['--cpu-affinity=-1'], {}, /'-1' is invalid\. It must be a list of CPUs/],
  ['no CPU', ['--cpu-affinity', ''], {}, /'' is invalid\. It must be a list of CPUs/],
  ['CPUs backwards', ['--cpu-affinity', '3-1'], {}, /'3-1' is invalid\. It must be a list of CPUs/],
  ['far too many CPUs', ['--cpu-affinity', '0-99999'], {}, /'0-99999' is invalid\. It must be a list of CPUs/],
  ['a port that is none', ['--listen', 'h:70000'], {}, /h:70000 is not host:port/],
]

test.each(mistakes)('%s is one line', async (_name, args, env, line) => {
  const { code, err } = await shell(['serve', '--print-config', ...args], { env })
  expect(code).toBe(2)
  expect(err).toMatch(line)
  expect(err).toMatch(/^rafterdb: [^\n]+\n$/)
})

const badFiles: [string, RegExp][] = [
  ['{"memry": 1}', /unknown setting "memry" in .*; did you mean "memory"\?/],
  ['{"groups": 0}', /groups in .*: "0" is invalid\. It must be a whole number from 1/],
  ['[]', /must be a JSON object/],
  ['{', /cannot read the configuration/],
]

test.each(badFiles)('the file %s is refused', async (content, line) => {
  const { code, err } = await shell(['serve', '--print-config', '--config', configFile(content)])
  expect(code).toBe(2)
  expect(err).toMatch(line)
})

test('the cluster token is read from a file, and never printed', async () => {
  const file = join(mkdtempSync(join(tmpdir(), 'rafterdb-')), 'token')
  writeFileSync(file, 'a secret of the members\n')
  const env = { RAFTERDB_CLUSTER_TOKEN_FILE: file }
  const { out } = await shell(['serve', '--print-config'], { env })
  expect(out).toMatch(new RegExp(`^clusterTokenFile +${file} +RAFTERDB_CLUSTER_TOKEN_FILE$`, 'm'))
  const stop = new AbortController()
  let opened: OpenOptions | undefined
  const open = async (options: OpenOptions) => {
    opened = options
    setImmediate(() => stop.abort('SIGTERM'))
    return new FakeDatabase()
  }
  const run = await shell(['serve', '--cluster-token-file', file], { open, stop: stop.signal })
  expect(opened?.clusterToken).toBe('a secret of the members')
  expect(run.out + run.err).not.toContain('a secret')
})

test('a token file that is not there is wrong usage', async () => {
  const { code, err } = await shell(['serve', '--cluster-token-file', '/nowhere/token'])
  expect([code, err.includes('cannot read the cluster token from /nowhere/token')]).toEqual([2, true])
})
