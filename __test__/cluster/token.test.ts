// Goal: who does not know the cluster token is no member, whatever it says; nothing that it sends has an effect.
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Database, type OpenOptions, open } from 'rafterdb'
import { crc32c } from 'rafterdb/native'
import { afterAll, expect, test } from 'vitest'
import { u8, u16, u32, u64 } from '../client/fake-wire.js'
import { freePorts } from '../ports.js'
import { eventually } from './harness.js'

const TOKEN = 'sixteen bytes or more of it'
const TOKEN_MISMATCH = 46
const MILLION = 1_000_000
const [CLIENT, PEER] = [0, 1]
const HELLO_BYTES = 76

const dir = mkdtempSync(join(tmpdir(), 'rafterdb-token-'))
afterAll(() => rmSync(dir, { recursive: true, force: true }))
let clusters = 0

interface Opened extends AsyncDisposable {
  dbs: Database[]
  addresses: string[]
  lines: string[]
}

async function openCluster(tokens: (OpenOptions['clusterToken'] | null)[], host = '127.0.0.1'): Promise<Opened> {
  const base = join(dir, `${clusters++}`)
  const ports = await freePorts(tokens.length)
  const names = tokens.map((_, i) => String.fromCharCode(97 + i))
  const addresses = ports.map((port) => `127.0.0.1:${port}`)
  const members = Object.fromEntries(names.map((name, i) => [name, addresses[i] as string]))
  const lines: string[] = []
  const start = (name: string, i: number) => {
    const clusterToken = tokens[i] ?? undefined
    const token = clusterToken === undefined ? {} : { clusterToken }
    const listen = `${host}:${ports[i]}`
    const onLog = (line: string) => void lines.push(line)
    return open({ name, members, listen, dataDir: join(base, name), requestTimeout: 30_000, onLog, ...token })
  }
  const dbs = await Promise.all(names.map(start))
  const close = async () => void (await Promise.all(dbs.map((db) => db.close())))
  return { dbs, addresses, lines, [Symbol.asyncDispose]: close }
}

/** A socket that says what a test wants. */
class Stranger {
  #received = Buffer.alloc(0)
  #ended = false

  private constructor(readonly socket: Socket) {
    socket.on('data', (bytes) => {
      this.#received = Buffer.concat([this.#received, bytes])
    })
    socket.on('close', () => {
      this.#ended = true
    })
    socket.on('error', () => {})
  }

  static async dial(address: string): Promise<Stranger> {
    const [host, port] = address.split(':')
    const socket = connect(Number(port), host)
    await new Promise((resolve) => socket.once('connect', resolve))
    return new Stranger(socket)
  }

  say(...bodies: Buffer[]): void {
    this.socket.write(Buffer.concat(bodies.flatMap((body) => [u32(body.length), u32(crc32c(body)), body])))
  }

  /** The next frame. */
  hear(): Promise<Buffer> {
    return eventually('a frame', async () => {
      const length = this.#received.length < 4 ? Number.POSITIVE_INFINITY : this.#received.readUInt32LE(0)
      if (this.#received.length < 8 + length) throw new Error(this.#ended ? 'closed' : 'nothing yet')
      const body = this.#received.subarray(8, 8 + length)
      this.#received = this.#received.subarray(8 + length)
      return body
    })
  }

  ends(): Promise<void> {
    return eventually('the end', async () => expect(this.#ended).toBe(true))
  }
}

function hello(kind: number, flags: number, roster: bigint, member: number, to: number, proof = Buffer.alloc(32)): Buffer {
  const rosterBytes = Buffer.alloc(8)
  rosterBytes.writeBigUInt64LE(roster)
  return Buffer.concat([
    Buffer.from('RAFT'),
    u16(3),
    u8(kind),
    u8(flags),
    rosterBytes,
    u64(0),
    u64(member),
    u64(to),
    proof,
    u32(0),
  ])
}

/** An APPEND of a term far above. */
const append = Buffer.concat([u8(1), u8(5), u16(0), u32(0), u64(MILLION), Buffer.alloc(48), u32(0)])

/** What a stranger can learn: the roster from the hello that clients get, the ids of the members. */
async function spy({ addresses, dbs }: Opened) {
  const client = await Stranger.dial(addresses[0] as string)
  client.say(hello(CLIENT, 0, 0n, 0, 0))
  const answer = await client.hear()
  client.socket.destroy()
  expect(answer.length).toBeGreaterThanOrEqual(HELLO_BYTES)
  const [a, b] = (await (dbs[0] as Database).members()).sort((x, y) => (x.name < y.name ? -1 : 1))
  return { roster: answer.readBigUInt64LE(8), victim: a?.id as number, claimed: b?.id as number }
}

const termOf = async (cluster: Opened) => Math.max(...(await (cluster.dbs[1] as Database).status()).map(({ term }) => term))

test('canary: without a token a stranger raises the term by a million', { timeout: 60_000 }, async () => {
  await using cluster = await openCluster([null, null, null])
  await cluster.dbs[0]?.put('k', 'v')
  const { roster, victim, claimed } = await spy(cluster)
  const stranger = await Stranger.dial(cluster.addresses[0] as string)
  // Together: the member that it claims to be connects again at once, and then is the one that is heard.
  stranger.say(hello(PEER, 0, roster, claimed, victim), append)
  expect((await stranger.hear()).toString('latin1', 0, 4)).toBe('RAFT')
  await eventually('the term to rise', async () => expect(await termOf(cluster)).toBeGreaterThanOrEqual(MILLION))
  stranger.socket.destroy()
})

test('with a token a stranger is refused, and nothing of it is heard', { timeout: 60_000 }, async () => {
  await using cluster = await openCluster([TOKEN, TOKEN, TOKEN])
  await cluster.dbs[0]?.put('k', 'v')
  const { roster, victim, claimed } = await spy(cluster)
  const term = await termOf(cluster)
  const address = cluster.addresses[0] as string
  const refused = async (stranger: Stranger) => {
    const refusal = await stranger.hear()
    expect([refusal[4], refusal.readUInt16LE(6)]).toEqual([0, TOKEN_MISMATCH])
    await stranger.ends()
  }
  const plain = await Stranger.dial(address)
  plain.say(hello(PEER, 0, roster, claimed, victim), append)
  await refused(plain)
  const guessing = await Stranger.dial(address)
  guessing.say(hello(PEER, 1, roster, claimed, victim, Buffer.alloc(32, 1)))
  const challenge = await guessing.hear()
  expect(challenge.toString('latin1', 0, 4)).toBe('CHAL')
  guessing.say(Buffer.concat([Buffer.from('PROV'), Buffer.alloc(32, 2)]), append)
  await refused(guessing)
  await cluster.dbs[1]?.put('k', 'w')
  expect(await termOf(cluster)).toBe(term)
})

test('a member with another token or none is left out, and both sides say so', { timeout: 60_000 }, async () => {
  await using cluster = await openCluster([TOKEN, Buffer.from(TOKEN), null])
  const [a, , c] = cluster.dbs as [Database, Database, Database]
  await a.put('k', 'v')
  await expect(c.get('k', { timeout: 1_000 })).rejects.toMatchObject({ code: 'TIMEOUT' })
  const told = cluster.lines.filter((line) => line.includes('TOKEN_MISMATCH'))
  expect(told.some((line) => line.startsWith('c: '))).toBe(true)
  expect(told.some((line) => line.startsWith('a: '))).toBe(true)
})

test('a member that strangers can reach and that has no token says so at each start', { timeout: 60_000 }, async () => {
  const warned = ({ lines }: Opened) => lines.filter((line) => line.includes('without a cluster token')).length
  await using exposed = await openCluster([null, null, null], '0.0.0.0')
  expect(warned(exposed)).toBe(3)
  await using safe = await openCluster([TOKEN, TOKEN, TOKEN], '0.0.0.0')
  await using local = await openCluster([null, null, null])
  expect([warned(safe), warned(local)]).toEqual([0, 0])
})

test('a token that is too short is refused, and not repeated', async () => {
  const opening = open({ dataDir: join(dir, 'short'), clusterToken: 'short' })
  await expect(opening).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', message: expect.not.stringContaining('short') })
})
