// Fault points in TypeScript: named places at which a test has the process fail or die (crates/fault). Nothing unless one is armed.
import { parseReply } from './errors.js'
import { loadBinding } from './load.js'

/** Throws what is armed there: IO, DISK_FULL. The names are in crates/fault/src/points.rs. */
export function faultPoint(name: string): void {
  const struck = loadBinding().faultPoint(name)
  if (struck !== null) parseReply(struck)
}
