// What waits to be sent, each queue in order of id, and what waits to be sent again. Sends nothing.
import type { Request } from '../calls/request.js'
import type { Stream } from '../calls/stream.js'
import { RequestKind } from '../wire/request-kinds.js'

export class RequestQueues {
  /** Writes wait for their session and its window. */
  writes: Request[] = []
  reads: Request[] = []
  /** What waits for nothing but the port: watches and what concerns them, questions about the cluster, starts of sessions. */
  others: Request[] = []
  /** To be sent again when the pause is over. */
  parked: Request[] = []

  /** Whether there is anything to send now. */
  get hasWork(): boolean {
    return this.writes.length > 0 || this.reads.length > 0 || this.others.length > 0
  }

  add(request: Request): void {
    if (request.type === RequestKind.READ) this.reads.push(request)
    else if (request.type === RequestKind.WRITE && !request.starts) this.writes.push(request)
    else this.others.push(request)
  }

  /** The pause is over: what was parked takes its place by id again. */
  unpark(): void {
    if (this.parked.length === 0) return
    const { parked } = this
    this.parked = []
    for (const request of parked) this.add(request)
    for (const queue of [this.writes, this.reads, this.others]) queue.sort((a, b) => a.id - b.id)
  }

  /** Keeps those for which `isKept`, in the order of their queues. */
  retain(isKept: (request: Request) => boolean): void {
    this.writes = this.writes.filter(isKept)
    this.reads = this.reads.filter(isKept)
    this.others = this.others.filter(isKept)
    this.parked = this.parked.filter(isKept)
  }

  /** Takes out all. */
  takeAll(): Request[] {
    const all = [...this.writes, ...this.reads, ...this.others, ...this.parked]
    this.writes = []
    this.reads = []
    this.others = []
    this.parked = []
    return all
  }

  /** Requests that would open a watch. */
  openings(): { request: Request; stream: Stream }[] {
    return [...this.others, ...this.parked].flatMap((request) =>
      request.stream === null ? [] : [{ request, stream: request.stream }],
    )
  }
}
