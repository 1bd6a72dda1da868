// A connection to a member by hand: the hello, frames out and frames in. What they hold, and whether it is right, is the
// caller's affair. The handshake stands in one function, `shakeHands`.
import { connect, createServer, type Server, type Socket } from 'node:net'
import { crc32c } from '../../src/library/hash.js'
import { u8, u16, u32, u64 } from '../client/fake-wire.js'

const HELLO_MS = 5_000
const FRAME_HEADER_BYTES = 8
/** Where they stand in a hello. */
const ROSTER_AT = 8
const MEMBER_AT = 24
const PROOF_BYTES = 32
const CLIENT = 0
/** What a member's connection is for. */
export const FAST_LANE = 1
export const BULK_LANE = 2

/** What a connection says it is. */
export interface Hello {
  /** 0 client, 1 peer fast lane, 2 peer bulk lane. */
  readonly kind: number
  /** Hash over the names of the cluster's members; 0 of a client. */
  readonly roster: bigint
  readonly memberId: number
  /** The member that is meant; 0: any. */
  readonly to: number
}

/** A client that knows nothing of the cluster. */
export const STRANGER: Hello = { kind: CLIENT, roster: 0n, memberId: 0, to: 0 }

/** A body with its length and its sum. */
export function frameOf(body: Uint8Array): Buffer {
  return Buffer.concat([u32(body.length), u32(crc32c(body)), body])
}

function bigU64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(value)
  return bytes
}

/** One connection. Everything that arrives is kept until it is taken. */
export class Connection {
  /** Why it ended; null while it stands. */
  ended: string | null = null
  #received: Buffer[] = []
  #bytes: Buffer = Buffer.alloc(0)
  #waiting: (() => void)[] = []

  constructor(readonly socket: Socket) {
    socket.on('data', (chunk) => this.#take(chunk))
    socket.on('error', (error) => this.#end(error.message))
    socket.on('close', () => this.#end('closed'))
  }

  /** Bytes as they are. Resolves when the system took them, or the connection ended. */
  write(bytes: Uint8Array): Promise<void> {
    if (this.ended !== null) return Promise.resolve()
    return new Promise((resolve) => {
      this.#waiting.push(resolve)
      this.socket.write(bytes, () => resolve())
    })
  }

  /** One frame. */
  send(body: Uint8Array): Promise<void> {
    return this.write(frameOf(body))
  }

  /** Bodies of the frames that arrived since the last call. */
  take(): Buffer[] {
    return this.#received.splice(0)
  }

  /** The next frame's body; null when the connection ended first, or after `patience` ms. */
  async next(patience = HELLO_MS): Promise<Buffer | null> {
    const until = performance.now() + patience
    while (this.#received.length === 0 && this.ended === null && performance.now() < until) {
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve)
        setTimeout(resolve, Math.min(50, patience))
      })
    }
    return this.#received.shift() ?? null
  }

  close(): void {
    this.socket.destroy()
  }

  #take(chunk: Buffer): void {
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk])
    while (this.#bytes.length >= FRAME_HEADER_BYTES) {
      const end = FRAME_HEADER_BYTES + this.#bytes.readUInt32LE(0)
      if (this.#bytes.length < end) break
      this.#received.push(this.#bytes.subarray(FRAME_HEADER_BYTES, end))
      this.#bytes = this.#bytes.subarray(end)
    }
    this.#wake()
  }

  #end(why: string): void {
    this.ended ??= why
    this.#wake()
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake()
  }
}

/** Of a member that knows no token, and not yet which cluster it is of. */
function helloOf({ kind, roster, memberId, to }: Hello): Buffer {
  const name = Buffer.from('fuzz')
  const ids = [bigU64(roster), u64(0), u64(memberId), u64(to)]
  return Buffer.concat([Buffer.from('RAFT'), u16(3), u8(kind), u8(0), ...ids, Buffer.alloc(PROOF_BYTES), u32(name.length), name])
}

/** Says who it is and hears who answers; null: refused. With `greet`, all that knows how members and clients greet each other. */
async function shakeHands(connection: Connection, hello: Hello): Promise<Answer | null> {
  await connection.send(helloOf(hello))
  const answer = await connection.next()
  if (answer === null || answer.subarray(0, 4).toString('latin1') !== 'RAFT') return null
  return { roster: answer.readBigUInt64LE(ROSTER_AT), memberId: Number(answer.readBigUInt64LE(MEMBER_AT)) }
}

/** Answers who dials as `memberId`, as a member would; null: it said nothing. */
async function greet(connection: Connection, memberId: number): Promise<Hello | null> {
  const hello = await connection.next()
  if (hello === null) return null
  const [kind, roster] = [hello.readUInt8(6), hello.readBigUInt64LE(ROSTER_AT)]
  const caller = Number(hello.readBigUInt64LE(MEMBER_AT))
  await connection.send(helloOf({ kind, roster, memberId, to: caller }))
  return { kind, roster, memberId: caller, to: memberId }
}

/** Who answered a hello. */
export interface Answer {
  readonly roster: bigint
  readonly memberId: number
}

/** A connection that has been greeted, and by whom; null when it was refused or could not be made. */
export async function dial(endpoint: string, hello: Hello): Promise<{ connection: Connection; answer: Answer } | null> {
  const [host, port] = endpoint.split(':')
  const socket = connect({ host: host as string, port: Number(port), noDelay: true })
  const connection = new Connection(socket)
  const answer = await shakeHands(connection, hello)
  if (answer !== null) return { connection, answer }
  connection.close()
  return null
}

/** Somebody in a member's place: other members' connections are greeted and pinged back; what else they send is kept. */
export class Impostor implements AsyncDisposable {
  readonly #server: Server
  readonly #connections: { connection: Connection; caller: number }[] = []

  private constructor(server: Server) {
    this.#server = server
  }

  /** Listens at `endpoint` as `memberId`. */
  static async listen(endpoint: string, memberId: number): Promise<Impostor> {
    const [host, port] = endpoint.split(':')
    const server = createServer({ noDelay: true })
    const impostor = new Impostor(server)
    server.on('connection', (socket) => void impostor.#accept(new Connection(socket), memberId))
    await new Promise<void>((resolve) => server.listen(Number(port), host, resolve))
    return impostor
  }

  /** Frames of a member that arrived since the last call. */
  take(caller: number): Buffer[] {
    const bodies: Buffer[] = []
    for (const { connection, caller: from } of this.#connections) {
      if (from !== caller) continue
      for (const body of connection.take()) {
        if (body.length > 0) bodies.push(body)
        else void connection.send(body)
      }
    }
    return bodies
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { connection } of this.#connections) connection.close()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  async #accept(connection: Connection, memberId: number): Promise<void> {
    const hello = await greet(connection, memberId)
    if (hello !== null) this.#connections.push({ connection, caller: hello.memberId })
  }
}
