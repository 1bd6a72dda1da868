// Which keys a part of a transaction is about.
import { RafterError } from '../../errors.js'
import type { Bytes, Selection } from '../api.js'
import { type spanOf, spanOfKey } from '../arguments/selection.js'
import type { Span } from '../wire/span.js'

/** The span of `key` or, by `of`, of a selection; one of them is given. INVALID_ARGUMENT, and what is wrong with a key. */
export function spanOfPart(
  key: Bytes | undefined,
  selection: Partial<Record<keyof Selection, Bytes | undefined>>,
  of: typeof spanOf,
): Span {
  const said = selection as Selection
  if (key !== undefined) {
    if (said.prefix !== undefined || said.from !== undefined || said.to !== undefined) {
      throw new RafterError('INVALID_ARGUMENT', 'key cannot be together with prefix, from or to')
    }
    return spanOfKey(key)
  }
  const span = of(said)
  if (span === null) throw new RafterError('INVALID_ARGUMENT', 'no key can be in this range: from and to are the same')
  return span
}
