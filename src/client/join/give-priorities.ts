// Gives founders the priorities that `open` names, once there is a leader and as long as no member has one: what was changed later stays.
// Knows no native module.
import type { ErrorCode } from '../../codes.js'
import { RafterError } from '../../errors.js'
import { Backoff } from '../connection/backoff.js'
import type { ClientDatabase } from '../database/database.js'
import { planPriorities } from '../members/wanted.js'

/** After which the database is of no use any more, and others see to it. */
const OVER: readonly ErrorCode[] = ['CLOSED', 'POISONED', 'MEMBER_REMOVED']

/** Resolves when they have them, or the database is closed. What the cluster refuses is told to `log`. */
export async function givePriorities(
  own: ClientDatabase,
  priorities: ReadonlyMap<string, number>,
  log: (line: string, level: 'warn') => void,
): Promise<void> {
  const backoff = new Backoff()
  for (;;) {
    try {
      const { leader } = await own.membership()
      if (leader !== 0) {
        await own.changeMembers('open', planPriorities(priorities), {})
        return
      }
    } catch (error) {
      if (error instanceof RafterError && OVER.includes(error.code)) return
      if (!(error instanceof RafterError) || error.code === 'INVALID_ARGUMENT') {
        log(`the priorities of the members were not set: ${(error as Error).message}`, 'warn')
        return
      }
    }
    await new Promise((resolve) => setTimeout(resolve, backoff.delay()).unref())
  }
}
