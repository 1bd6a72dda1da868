// Decodes the result of a transaction (FORMATS.md, Results) by the parts that it was made of.
import { RafterError } from '../../errors.js'
import type { As, TxnOperation, TxnOperationResult, TxnResult } from '../api.js'
import { readU64 } from '../wire/integers.js'
import { PUT_HAS_PREVIOUS, RANGE_MORE, Result, readPair, readPairs, TXN_SUCCEEDED } from '../wire/results.js'
import type { TxnParts } from './parts.js'

/** What the transaction `parts` resulted in. */
export function decodeTxn<A extends As>(result: Result, parts: TxnParts, as: A): TxnResult<A> {
  const succeeded = (result.flags & TXN_SUCCEEDED) !== 0
  return { succeeded, revision: result.revision, results: decodeBranch(result, succeeded ? parts.then : parts.else, as) }
}

function decodeBranch<A extends As>(result: Result, branch: TxnOperation[], as: A): TxnOperationResult<A>[] {
  const { buffer, start } = result
  const count = buffer.view.getUint32(start, true)
  if (count !== branch.length) throw new RafterError('PROTOCOL_ERROR', `${count} results for ${branch.length} operations`)
  const cursor = new Result(buffer)
  let at = start + 4
  return branch.map((part) => {
    at = cursor.read(at)
    if (cursor.code !== 0) throw cursor.error(`txn: ${part.type}`)
    return decodeOperation(cursor, part, as)
  })
}

function decodeOperation<A extends As>(result: Result, part: TxnOperation, as: A): TxnOperationResult<A> {
  const { buffer, start } = result
  switch (part.type) {
    case 'put':
      return (result.flags & PUT_HAS_PREVIOUS) === 0 ? { type: 'put' } : { type: 'put', previous: readPair(buffer, start, as) }
    case 'delete': {
      const deleted = readU64(buffer.view, start)
      return { type: 'delete', deleted, previous: readPairs(buffer, start + 12, buffer.view.getUint32(start + 8, true), as) }
    }
    case 'get':
      return { type: 'get', pair: buffer.view.getUint32(start + 8, true) === 0 ? null : readPair(buffer, start + 12, as) }
    case 'range': {
      const pairs = readPairs(buffer, start + 12, buffer.view.getUint32(start + 8, true), as)
      return { type: 'range', pairs, count: readU64(buffer.view, start), more: (result.flags & RANGE_MORE) !== 0 }
    }
    case 'txn': {
      const succeeded = (result.flags & TXN_SUCCEEDED) !== 0
      return { type: 'txn', succeeded, results: decodeBranch(result, succeeded ? part.then : part.else, as) }
    }
  }
}
