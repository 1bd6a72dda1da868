// Snapshots on their way, as crates/plane/src/snapshots sends them: a chunk after the answer to the one before, and after the last one the
// receiver builds a store of it. Whatever breaks ends a stream with nothing left behind, and the sender's core hears once how it ended.
// Knows neither logs nor cores.
import type { Random } from '../../src/raft/random.js'
import type { State } from './machine.js'
import type { Network } from './network.js'
import type { Node } from './node.js'
import type { Scheduler } from './scheduler.js'

/** How long they take; ms. */
export interface SnapshotTimes {
  chunksMax: number
  /** Longest time to read, send and write one chunk. */
  chunkMax: number
  installMax: number
  /** How long a sender waits for an answer. */
  silenceMax: number
}

interface Stream {
  readonly id: number
  readonly from: Node
  readonly to: Node
  readonly group: number
  readonly state: State
  readonly chunks: number
  /** The sender's, which ends with its process. */
  readonly life: number
  /** Chunks answered. */
  answered: number
  over: boolean
  readonly sent: (ok: boolean) => void
}

/** What a receiver has of a stream; of each sender and group it takes one. */
interface Partial {
  readonly id: number
  readonly life: number
  chunks: number
}

/** All streams of one run. */
export class SnapshotStreams {
  /** Streams that ended before all was there. */
  broken = 0
  readonly #scheduler: Scheduler
  readonly #random: Random
  readonly #network: Network
  readonly #times: SnapshotTimes
  readonly #partial = new Map<string, Partial>()
  #ids = 0

  constructor(scheduler: Scheduler, random: Random, network: Network, times: SnapshotTimes) {
    this.#scheduler = scheduler
    this.#random = random
    this.#network = network
    this.#times = times
  }

  /** Sends a state; `sent` is told how it ended, if the sender lives to hear of it. */
  send(from: Node, to: Node, group: number, state: State, sent: (ok: boolean) => void): void {
    this.#ids += 1
    const chunks = 1 + Math.floor(this.#random.next() * this.#times.chunksMax)
    this.#chunk({ id: this.#ids, from, to, group, state, chunks, life: from.life, answered: 0, over: false, sent })
  }

  #chunk(stream: Stream): void {
    const { from, to, life, answered } = stream
    from.perform(() => {
      if (from.life !== life || stream.over) return
      const time = this.#random.between(0, this.#times.chunkMax)
      this.#network.carry(from.id, to.id, () => to.perform(() => this.#received(stream, answered)), time)
      this.#scheduler.after(this.#times.silenceMax, () => {
        if (stream.answered === answered) this.#end(stream, false)
      })
    })
  }

  /** A chunk that is not the next one of its stream ends it: nothing is put together of two streams, or of two lives of the receiver. */
  #received(stream: Stream, chunk: number): void {
    const { id, from, to, group, chunks } = stream
    const key = `${from.id} ${to.id} ${group}`
    const known = this.#partial.get(key)
    const partial = chunk === 0 && known?.id !== id ? { id, life: to.life, chunks: 0 } : known
    if (partial === undefined || partial.id !== id || partial.life !== to.life || partial.chunks > chunk) return
    this.#partial.set(key, partial)
    partial.chunks = chunk + 1
    if (partial.chunks < chunks) this.#answer(stream, partial.chunks)
    else {
      const { life } = to
      this.#scheduler.after(this.#random.between(0, this.#times.installMax), () => {
        to.perform(() => {
          if (to.life !== life) return
          to.install(group, stream.state, from.id)
          this.#answer(stream, chunks)
        })
      })
    }
  }

  #answer(stream: Stream, chunks: number): void {
    this.#network.carry(stream.to.id, stream.from.id, () => {
      if (stream.over || chunks <= stream.answered) return
      stream.answered = chunks
      if (chunks === stream.chunks) this.#end(stream, true)
      else this.#chunk(stream)
    })
  }

  #end(stream: Stream, ok: boolean): void {
    if (stream.over) return
    stream.over = true
    if (!ok) this.broken += 1
    if (stream.from.life === stream.life) stream.sent(ok)
  }
}
