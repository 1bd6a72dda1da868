// A bounded log: once all that is committed is in the stores and nobody lags, a member's log goes down to what is to be kept of it.
// Looks on while the others' checkers are done: the cluster rests.
import { type MemberView, Violation } from '../checker.js'

export class BoundedLog {
  readonly property = 'bounded log'

  /**
   * What is wrong; undefined: nothing. `retainBytes`: what that member is to keep; `scale`: by how much larger than it is the log is said
   * to be.
   */
  excess(member: MemberView, group: number, retainBytes: number, scale: number): Violation | undefined {
    const log = member.memoryLog(group)
    if (log.bytes * scale <= retainBytes || log.entries.length === 0) return undefined
    const detail = `member ${member.id} keeps ${log.bytes} bytes in ${log.entries.length} entries of group ${group}`
    return new Violation(this.property, `${detail}, of which it needs ${retainBytes / scale}`)
  }
}
