// With `cpuAffinity` every thread of a member runs on the CPUs that were chosen, and no thread of the app does; what cannot be is
// refused before anything starts. Only Linux binds threads; elsewhere the member says that it does not.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { type OpenOptions, open } from 'rafterdb'
import { afterAll, expect, test } from 'vitest'

const dir = mkdtempSync(join(tmpdir(), 'rafterdb-affinity-'))
afterAll(() => rmSync(dir, { recursive: true, force: true }))

const isLinux = process.platform === 'linux'
/** Names of the native threads that a member always has, as far as Linux keeps them. */
const THREADS = ['log', 'apply', 'watch', 'snapshot', 'read', 'net', 'flush', 'tables', 'history'].map((name) =>
  `rafterdb-${name}`.slice(0, 15),
)

interface Thread {
  id: string
  name: string
  cpus: string
}

/** The threads of this process and the CPUs they may run on. A thread may end while it is looked at. */
function threads(): Thread[] {
  return readdirSync('/proc/self/task').flatMap((id) => {
    try {
      const status = readFileSync(`/proc/self/task/${id}/status`, 'utf8')
      const field = (name: string) => new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1] ?? ''
      return [{ id, name: field('Name'), cpus: field('Cpus_allowed_list') }]
    } catch {
      return []
    }
  })
}

const isMembers = ({ name }: Thread) => name.startsWith('rafterdb-') || name === 'wal-spare'

/** What is wrong with how threads are bound, as `cpus` says: one line a thread. */
function misplaced(all: Thread[], expected: string, elsewhere: string): string[] {
  const missing = THREADS.filter((name) => !all.some((thread) => thread.name === name)).map((name) => `no thread ${name}`)
  const own = all.filter((thread) => isMembers(thread) && thread.cpus !== expected)
  // The Raft worker is bound too; its thread has no name of ours.
  const others = all.filter((thread) => !isMembers(thread) && thread.cpus !== elsewhere)
  const lines = [...own, ...(others.length > 1 ? others : [])].map((thread) => `${thread.name} runs on ${thread.cpus}`)
  if (others.length === 0 && expected !== elsewhere) lines.push('the Raft worker is not bound')
  return [...missing, ...lines]
}

async function opened(cpuAffinity: OpenOptions['cpuAffinity'], look: (lines: string[]) => void): Promise<void> {
  const lines: string[] = []
  const listen = '127.0.0.1:0'
  const dataDir = mkdtempSync(join(dir, 'member-'))
  await using db = await open({
    dataDir,
    listen,
    ...(cpuAffinity === undefined ? {} : { cpuAffinity }),
    onLog: (line) => lines.push(line),
  })
  await db.put('key', 'value')
  look(lines)
}

test.runIf(isLinux)('the threads of the member run there, those of the app do not', async () => {
  const before = threads().find(({ id }) => id === `${process.pid}`)?.cpus ?? ''
  await opened([0], (lines) => {
    expect(lines).toContain("the member's threads run on CPUs 0")
    expect(misplaced(threads(), '0', before)).toEqual([])
    expect(threads().find(({ id }) => id === `${process.pid}`)?.cpus).toBe(before)
  })
  // Nothing is left of it: neither on the thread that opened the member, nor for the next member.
  await opened(undefined, (lines) => {
    expect(lines.join()).not.toContain('CPU')
    expect(threads().filter((thread) => thread.cpus !== before)).toEqual([])
  })
})

test.runIf(isLinux)('a thread that runs elsewhere is found', () => {
  const right = [...THREADS.map((name) => ({ id: '1', name, cpus: '0' })), { id: '2', name: 'node', cpus: '0-1' }]
  const worker = { id: '3', name: 'node', cpus: '0' }
  expect(misplaced([...right, worker], '0', '0-1')).toEqual([])
  expect(misplaced(right, '0', '0-1')).toEqual(['the Raft worker is not bound'])
  expect(misplaced([...right.slice(1), worker], '0', '0-1')).toEqual(['no thread rafterdb-log'])
  expect(misplaced([...right, worker, worker], '0', '0-1')).toHaveLength(2)
  expect(misplaced([...right, worker, { id: '4', name: 'wal-spare', cpus: '0-1' }], '0', '0-1')).toHaveLength(1)
})

test('one NUMA node leaves nothing to choose, and the member says so', async () => {
  const nodes = '/sys/devices/system/node/online'
  const isOne = !existsSync(nodes) || readFileSync(nodes, 'utf8').trim() === '0'
  await opened('numa', (lines) => {
    const said = isOne
      ? /^cpuAffinity changes nothing: there is only one NUMA node/
      : /: NUMA node \d+, with the most free memory$/
    expect(lines).toContainEqual(expect.stringMatching(said))
    if (isOne && isLinux) expect(new Set(threads().map((thread) => thread.cpus)).size).toBe(1)
  })
})

test('a CPU that does not exist is refused before anything starts', async () => {
  const dataDir = join(dir, 'never')
  const beyond = cpus().length + 1_000
  for (const cpuAffinity of [[beyond], [0, beyond], [4_294_967_295]]) {
    const error = await open({ dataDir, cpuAffinity }).catch((error: unknown) => error)
    expect(error).toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringMatching(/^cpuAffinity: CPU \d+ does not exist or is not online; this machine has CPUs 0/),
    })
  }
  expect(existsSync(dataDir)).toBe(false)
})

test.each([
  ['0,1', /a list of CPU numbers, such as \[0, 1\], or 'numa'; got "0,1"/],
  ['NUMA', /got "NUMA"/],
  [['0'], /got \["0"\]/],
  [[-1], /got \[-1\]/],
  [[1.5], /got \[1.5\]/],
  [[Number.NaN], /a list of CPU numbers/],
  [[2 ** 32], /a list of CPU numbers/],
  [[], /got \[\]/],
  [null, /got null/],
  [0, /got 0/],
  [[0, 1, 0], /names CPU 0 twice/],
])('cpuAffinity %j is refused', async (cpuAffinity, message) => {
  const dataDir = join(dir, 'never')
  const error = await open({ dataDir, cpuAffinity: cpuAffinity as 'numa' }).catch((error: unknown) => error)
  expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', message: expect.stringMatching(message) })
  expect(existsSync(dataDir)).toBe(false)
})
