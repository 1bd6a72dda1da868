// Liars on sockets: each lane tells its share, over connections that it makes anew whenever a member closes them.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Random } from '../client/random.js'
import { edge, le, mutate, noise } from './mutate.js'
import { hostileFrame } from './records.js'
import { hostileRequest } from './requests.js'
import { type Answer, type Connection, dial, frameOf, type Hello, STRANGER } from './socket.js'

const REDIAL_MS = 20
const REDIALS_MAX = 500
/** How long a member may leave a whole, honest question without an answer, ms. */
const ANSWER_MS_MAX = 20_000
const STATUS = 6
const MARK = 0x7e57n

/** What a lane needs to know of whom it besieges. */
export interface Target {
  readonly endpoint: string
  /** Who the lane says it is. */
  readonly hello: Hello
}

/** Asks a member who it is. */
export async function identify(endpoint: string): Promise<Answer> {
  const { connection, answer } = await persistently({ endpoint, hello: STRANGER })
  connection.close()
  return answer
}

async function persistently({ endpoint, hello }: Target): Promise<{ connection: Connection; answer: Answer }> {
  for (let n = 0; n < REDIALS_MAX; n++) {
    const dialed = await dial(endpoint, hello)
    if (dialed !== null) return dialed
    await sleep(REDIAL_MS)
  }
  throw new Error(`${endpoint} does not answer a hello any more`)
}

/** Writes a body as a frame: most often as it is, else in pieces, half, or with a head that lies. */
async function deliver(random: Random, connection: Connection, body: Buffer): Promise<void> {
  const frame = frameOf(body)
  const way = random.below(60)
  if (way === 0) return connection.write(Buffer.concat([le(edge(random), 4), frame.subarray(4)]))
  if (way === 1) return connection.write(mutate(random, frame))
  if (way === 2) return connection.write(noise(random, 1 + random.below(300)))
  if (way === 3) {
    await connection.write(frame.subarray(0, random.below(frame.length)))
    return connection.close()
  }
  if (way > 6) return connection.write(frame)
  const cut = random.below(frame.length)
  await connection.write(frame.subarray(0, cut))
  await sleep(random.below(20))
  return connection.write(frame.subarray(cut))
}

/** One lane: tells `count` lies that `lie` makes. Answers are thrown away. */
async function lane(random: Random, target: Target, count: number, lie: (id: number) => { body: Buffer; lies: number }) {
  let { connection } = await persistently(target)
  for (let told = 0; told < count; ) {
    if (connection.ended !== null) connection = (await persistently(target)).connection
    const { body, lies } = lie(told)
    await deliver(random, connection, body)
    connection.take()
    told += lies
  }
  return connection
}

/** Tells `count` hostile requests, some in one submission. At the end the member must still answer: this connection or another. */
export async function lieAsClient(random: Random, endpoint: string, count: number): Promise<void> {
  const connection = await lane(random, { endpoint, hello: STRANGER }, count, (id) => {
    const lies = random.below(5) === 0 ? 1 + random.below(20) : 1
    return { body: Buffer.concat(Array.from({ length: lies }, (_, n) => hostileRequest(random, id + n))), lies }
  })
  connection.close()
  await askStatus(endpoint)
}

/** Tells `count` hostile records as a member that is not running. */
export async function lieAsMember(random: Random, target: Target, count: number): Promise<void> {
  const connection = await lane(random, target, count, (id) => ({ body: hostileFrame(random, id), lies: 1 }))
  connection.close()
}

async function askStatus(endpoint: string): Promise<void> {
  const { connection } = await persistently({ endpoint, hello: STRANGER })
  await connection.send(Buffer.concat([le(0, 4), le(STATUS, 1), le(0, 3), le(MARK, 8)]))
  const answer = await connection.next(ANSWER_MS_MAX)
  connection.close()
  if (answer?.readBigUInt64LE(8) !== MARK) throw new Error(`${endpoint} does not answer an honest question`)
}
