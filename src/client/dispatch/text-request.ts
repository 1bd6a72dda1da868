// Questions that are no operations on keys: one request, one answer, no batch. Knows no answers' contents.
import type { Call, Decode } from '../calls/call.js'
import { Request } from '../calls/request.js'
import { HEADER_BYTES } from '../wire/header.js'
import type { TurnBatches } from './turn-batches.js'

/** What decodes an answer that is text. */
export const decodeBodyText: Decode = (result) => result.text()

/** One of them. */
export interface Question {
  type: number
  body?: Uint8Array
  /** The Raft group that it is about. Default: the dispatcher's. */
  group?: number
}

const NOTHING = new Uint8Array(0)

/** Sends it at the end of the turn; `call` is settled by its answer. */
export function requestText(turn: TurnBatches, call: Call, question: Question): Promise<string> {
  const { type, body = NOTHING, group = turn.dispatcher.group } = question
  const { dispatcher } = turn
  const slab = dispatcher.slabs.single(HEADER_BYTES + body.length)
  const request = new Request(dispatcher.nextId(), type, slab, 0, HEADER_BYTES)
  slab.bytes.set(body, HEADER_BYTES)
  request.add(call)
  dispatcher.enqueue(request, HEADER_BYTES + body.length, group)
  turn.schedule()
  return call.promise as Promise<string>
}
