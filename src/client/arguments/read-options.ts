// What a caller says about a read, checked: how fresh it must be, at which revision, and whether it gives strings or bytes.
import { RafterError } from '../../errors.js'
import type { As, ReadOptions } from '../api.js'
import { shown } from '../text/describe.js'
import { ConsistencyKind } from '../wire/request-kinds.js'

export const READ_OPTIONS = ['signal', 'timeout', 'consistency', 'maxStaleness', 'revision']

/** The number of a consistency. INVALID_ARGUMENT. */
export function consistencyOf({ consistency, maxStaleness }: ReadOptions): number {
  if (maxStaleness !== undefined) {
    if (consistency !== undefined) {
      throw new RafterError('INVALID_ARGUMENT', 'maxStaleness excludes consistency; leave one of them out')
    }
    if (!Number.isSafeInteger(maxStaleness) || maxStaleness < 0) {
      throw new RafterError('INVALID_ARGUMENT', `maxStaleness must be a whole number of milliseconds, not ${shown(maxStaleness)}`)
    }
    return ConsistencyKind.BOUNDED
  }
  if (consistency === undefined || consistency === 'linearizable') return ConsistencyKind.LINEARIZABLE
  if (consistency === 'serializable') return ConsistencyKind.SERIALIZABLE
  throw new RafterError('INVALID_ARGUMENT', `consistency must be linearizable or serializable, not ${String(consistency)}`)
}

/** The revision to read at; 0: the current one. INVALID_ARGUMENT. */
export function revisionOf({ revision }: ReadOptions): number {
  if (revision === undefined) return 0
  if (Number.isSafeInteger(revision) && revision > 0) return revision
  throw new RafterError('INVALID_ARGUMENT', `revision must be a whole number from 1, not ${shown(revision)}`)
}

/** INVALID_ARGUMENT for anything but string, bytes and nothing. */
export function checkAs(as: unknown): As {
  if (as === undefined || as === 'string') return 'string'
  if (as === 'bytes') return 'bytes'
  throw new RafterError('INVALID_ARGUMENT', `as must be string or bytes, not ${String(as)}`)
}
