// Pages through a selection at one revision. Holds one page at a time. Knows no ports.
import { RafterError } from '../../errors.js'
import type { As, Pair, RangeOptions } from '../api.js'
import { checkAs, consistencyOf, READ_OPTIONS, revisionOf } from '../arguments/read-options.js'
import { spanOf } from '../arguments/selection.js'
import type { Decode } from '../calls/call.js'
import { shown } from '../text/describe.js'
import * as operations from '../wire/operations.js'
import { type Span, spanAfter, spanBefore } from '../wire/span.js'
import { type Page, type PageEnd, pageDecoder } from './read-answers.js'

const OPTIONS = [...READ_OPTIONS, 'prefix', 'from', 'to', 'limit', 'reverse', 'keysOnly', 'as', 'onRevision']
/** Pairs of one page; the member ends a page earlier when it is large. */
const PAGE_PAIRS = 1024
/** A member that took over may not have come to the range's revision yet; it is asked again after this many ms. */
const FUTURE_WAIT_MS = 10
/** For so long at most. Milliseconds. */
const FUTURE_TRIES_MS = 5000

/** Reads a page of `span`: at most `limit` pairs at `revision` (0: the current one). */
export type ReadPage = <P>(span: Span, flags: number, limit: number, revision: number, decode: Decode) => Promise<P>

/** Checks the options at once; reads when it is iterated, afresh each time. */
export function rangeOf<A extends As>(options: RangeOptions<A>, read: ReadPage): AsyncIterable<Pair<A>> {
  const span = spanOf(options, OPTIONS)
  const { limit } = options
  consistencyOf(options)
  revisionOf(options)
  checkAs(options.as)
  if (limit !== undefined && (!Number.isSafeInteger(limit) || limit < 1)) {
    throw new RafterError(
      'INVALID_ARGUMENT',
      `limit must be a whole number from 1, not ${shown(limit)}; leave it out for no limit`,
    )
  }
  return { [Symbol.asyncIterator]: () => pairs(span, options, read) as AsyncGenerator<Pair<A>> }
}

async function* pairs(span: Span | null, options: RangeOptions<As>, read: ReadPage): AsyncGenerator<Pair<As>> {
  const decode = pageDecoder(checkAs(options.as))
  for await (const page of pages<Page<As>>(span, options, read, decode)) yield* page.pairs
}

/** The pages of a selection, all at one revision; `decode` makes one of an answer. */
export async function* pages<P extends PageEnd>(
  start: Span | null,
  options: RangeOptions<As>,
  read: ReadPage,
  decode: Decode,
): AsyncGenerator<P> {
  let span = start
  const reverse = options.reverse === true
  const flags = (reverse ? operations.REVERSE : 0) | (options.keysOnly === true ? operations.KEYS_ONLY : 0) | operations.NO_COUNT
  let left = options.limit ?? Number.POSITIVE_INFINITY
  let revision = revisionOf(options)
  let pinned = false
  while (span !== null && left > 0) {
    const pageSpan: Span = span
    const pageRevision = revision
    const request = () => read<P>(pageSpan, flags, Math.min(left, PAGE_PAIRS), pageRevision, decode)
    const page = await (pinned ? untilReached(request) : request())
    if (!pinned) {
      revision = page.revision
      options.onRevision?.(revision)
    }
    pinned = true
    yield page
    left -= page.count
    if (!page.more || page.last === null) return
    span = reverse ? spanBefore(span, page.last) : spanAfter(span, page.last)
  }
}

/** A later page's revision exists; a member that does not know it yet is behind. */
async function untilReached<P>(request: () => Promise<P>): Promise<P> {
  const deadline = performance.now() + FUTURE_TRIES_MS
  for (;;) {
    try {
      return await request()
    } catch (error) {
      if (!(error instanceof RafterError && error.code === 'FUTURE_REVISION') || performance.now() > deadline) throw error
      await new Promise((resolve) => setTimeout(resolve, FUTURE_WAIT_MS))
    }
  }
}
