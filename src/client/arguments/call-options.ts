// The options of calls that are made often: each name is looked at, and nothing is made for it. A misspelt one would do nothing, and
// the caller would never know.
import { checkNames } from './option-names.js'

const CALL = ['signal', 'timeout']
const READ = [...CALL, 'consistency', 'maxStaleness', 'revision']
const READ_AS = [...READ, 'as']
const SYNC = ['consistency', 'maxStaleness', 'as']
const COMMIT = [...CALL, 'as']

/** INVALID_ARGUMENT for what is no object, and for an option that writes and questions do not have. */
export function checkCall(options: object): void {
  if (typeof options !== 'object' || options === null) checkNames(options, CALL)
  for (const name in options) if (name !== 'signal' && name !== 'timeout') checkNames(options, CALL)
}

/** The same of reads; those of a key take `as`, a count does not. */
export function checkRead(options: object, isOfKey: boolean): void {
  if (typeof options !== 'object' || options === null) checkNames(options, READ)
  for (const name in options) {
    switch (name) {
      case 'signal':
      case 'timeout':
      case 'consistency':
      case 'maxStaleness':
      case 'revision':
        break
      default:
        if (name !== 'as' || !isOfKey) checkNames(options, isOfKey ? READ_AS : READ)
    }
  }
}

/** The same of `getSync`. */
export function checkSync(options: object): void {
  if (typeof options !== 'object' || options === null) checkNames(options, SYNC)
  for (const name in options) {
    if (name !== 'consistency' && name !== 'maxStaleness' && name !== 'as') checkNames(options, SYNC)
  }
}

/** The same of a transaction's `commit`. */
export function checkCommit(options: object): void {
  checkNames(options, COMMIT)
}
