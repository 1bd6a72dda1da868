// Snapshots on their way, as crates/plane/src/snapshots sends them: a chunk after the answer to the one before, and after the last one the
// receiver builds a store of it. Where a chunk or an answer was lost, the sender asks how far the receiver is, and goes on from there.
// Whatever else breaks ends a stream with nothing left behind, and the sender's core hears once how it ended.
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
  /** Answers so far, whatever they said. */
  heard: number
  over: boolean
  readonly sent: (ok: boolean) => void
}

/** What a receiver has of a stream; of each sender and group it takes one. */
interface Partial {
  readonly id: number
  readonly life: number
  chunks: number
  /** All of it was put in place, or was of no use. */
  ended: boolean
}

/** All streams of one run. */
export class SnapshotStreams {
  /** Streams that ended before all was there. */
  broken = 0
  /** Times that one went on after something was lost. */
  resumed = 0
  readonly #scheduler: Scheduler
  readonly #random: Random
  readonly #network: Network
  readonly #times: SnapshotTimes
  readonly #partial = new Map<string, Partial>()
  readonly #sending = new Map<string, Stream>()
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
    const stream: Stream = {
      id: this.#ids,
      from,
      to,
      group,
      state,
      chunks,
      life: from.life,
      answered: 0,
      heard: 0,
      over: false,
      sent,
    }
    // Who asks again has forgotten the one before, and hears nothing of it.
    const key = `${from.id} ${to.id} ${group}`
    const before = this.#sending.get(key)
    if (before !== undefined) before.over = true
    this.#sending.set(key, stream)
    this.#chunk(stream)
  }

  #chunk(stream: Stream): void {
    const { from, to, life, answered, heard } = stream
    from.perform(() => {
      if (from.life !== life || stream.over) return
      const time = this.#random.between(0, this.#times.chunkMax)
      this.#network.carry(from.id, to.id, () => to.perform(() => this.#received(stream, answered)), time)
      this.#scheduler.after(this.#times.silenceMax, () => {
        if (stream.heard === heard) this.#resume(stream)
      })
    })
  }

  /** Asks how far the receiver is. One that has forgotten the stream says so; one that says nothing is left to itself. */
  #resume(stream: Stream): void {
    const { from, to, life, heard } = stream
    if (stream.over) return
    from.perform(() => {
      if (from.life !== life) return
      this.#network.carry(from.id, to.id, () => to.perform(() => this.#asked(stream)))
      this.#scheduler.after(this.#times.silenceMax, () => {
        if (stream.heard === heard) this.#end(stream, false)
      })
    })
  }

  #asked(stream: Stream): void {
    const { id, from, to, group, state } = stream
    const partial = this.#partial.get(`${from.id} ${to.id} ${group}`)
    if (partial?.id === id && partial.life === to.life && !partial.ended) {
      this.#answer(stream, partial.chunks, true)
      return
    }
    const isThere = to.plane.state(group).index >= state.index
    this.#network.carry(to.id, from.id, () => this.#end(stream, isThere))
  }

  /** A chunk that is not the next one of its stream ends it: nothing is put together of two streams, or of two lives of the receiver. */
  #received(stream: Stream, chunk: number): void {
    const { id, from, to, group, chunks } = stream
    const key = `${from.id} ${to.id} ${group}`
    const known = this.#partial.get(key)
    const partial = chunk === 0 && known?.id !== id ? { id, life: to.life, chunks: 0, ended: false } : known
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
          partial.ended = true
          this.#answer(stream, chunks)
        })
      })
    }
  }

  /** `resumes`: to the question where to go on; a sender that has nothing more to send waits for the end. */
  #answer(stream: Stream, chunks: number, resumes = false): void {
    this.#network.carry(stream.to.id, stream.from.id, () => {
      const isNew = resumes || chunks === stream.chunks ? chunks >= stream.answered : chunks > stream.answered
      if (stream.over || !isNew) return
      if (resumes) this.resumed += 1
      stream.heard += 1
      stream.answered = chunks
      if (chunks < stream.chunks) this.#chunk(stream)
      else if (!resumes) this.#end(stream, true)
      else this.#scheduler.after(this.#times.silenceMax, () => this.#resume(stream))
    })
  }

  #end(stream: Stream, ok: boolean): void {
    if (stream.over) return
    stream.over = true
    if (!ok) this.broken += 1
    if (stream.from.life === stream.life) stream.sent(ok)
  }
}
