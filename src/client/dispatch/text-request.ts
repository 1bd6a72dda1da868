// Questions that are no operations on keys: one request, one answer, no batch. Knows no answers' contents.
import type { Call, Decode } from '../calls/call.js'
import { Request } from '../calls/request.js'
import { HEADER_BYTES } from '../wire/header.js'
import type { TurnBatches } from './turn-batches.js'

/** What decodes an answer that is text. */
export const decodeBodyText: Decode = (result) => result.text()

/** Sends a request of one type with `body` at the end of the turn; `call` is settled by its answer. `own`: as for `enqueue`. */
export function requestText(turn: TurnBatches, call: Call, type: number, body: Uint8Array, own = false): Promise<string> {
  const { dispatcher } = turn
  const slab = dispatcher.slabs.single(HEADER_BYTES + body.length)
  const request = new Request(dispatcher.nextId(), type, slab, 0, HEADER_BYTES)
  slab.bytes.set(body, HEADER_BYTES)
  request.add(call)
  dispatcher.enqueue(request, HEADER_BYTES + body.length, own)
  turn.schedule()
  return call.promise as Promise<string>
}
