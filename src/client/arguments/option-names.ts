// Which options a call has: a misspelt one would do nothing, and the caller would never know. Knows no values.
import { RafterError } from '../../errors.js'
import { unknownName } from '../../nearest.js'
import { describe } from '../text/describe.js'

/**
 * INVALID_ARGUMENT for what is no object of options (an array, a Map, an ArrayBuffer: they say nothing by name), and for a name that is
 * not known: a misspelt `prefix` would select everything.
 */
export function checkNames(options: object, names: readonly string[]): void {
  if (Object.prototype.toString.call(options) !== '[object Object]') {
    throw new RafterError('INVALID_ARGUMENT', `options must be an object, not ${describe(options)}`)
  }
  for (const name of Object.keys(options)) {
    if (!names.includes(name)) throw new RafterError('INVALID_ARGUMENT', unknownName('option', name, names))
  }
}
