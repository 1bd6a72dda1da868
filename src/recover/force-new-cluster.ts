// Has a cluster begin anew with one of its members: checks the options, and calls the native side, which does it.
import { memberOptions } from '../cluster/options.js'
import { RafterError } from '../errors.js'
import { limits } from '../limits.js'
import { parseReply } from '../native/errors.js'
import { loadBinding } from '../native/load.js'
import { unknownName } from '../nearest.js'

const OPTIONS = ['dataDir', 'dryRun', 'raiseTo', 'memory']

export interface ForceOptions {
  /** The data directory of the member that is left. */
  dataDir: string
  /** Only look what the directory holds, and whether it could be done. Default false. */
  dryRun?: boolean | undefined
  /**
   * The store's revision is at least this one, so that no revision is given out twice that those who are lost may have given out.
   * Default: 1,000,000,000 above the newest that the member knows.
   */
  raiseTo?: number | undefined
  /** Bytes of memory, as for `open`. Default 256 MiB. */
  memory?: number | undefined
}

/** What the directory holds, and what has become of it. */
export interface ForcedCluster {
  /** The member's name: it is the only voter from now on. */
  name: string
  /** Identity of the cluster from now on, hex digits; empty after a `dryRun`. */
  cluster: string
  /** The identity that it had; empty if the member did not know it. */
  formerCluster: string
  /** Names of the other members, which are none any more. */
  others: string[]
  /** Index of the last entry that the member had, of the first group. */
  lastIndex: number
  /** Term of that entry. */
  lastTerm: number
  /** How many of its entries the member did not know to be committed: they are, from now on. Some may never have been acknowledged. */
  uncommitted: number
  /** The member may lack what it had acknowledged itself: its directory was new, or its machine went down with a weak `durability`. */
  mayLack: boolean
  /** The store's revision, from which it goes on. */
  revision: number
}

/** As `forceNewCluster`. */
export async function force(options: ForceOptions): Promise<ForcedCluster> {
  if (typeof options !== 'object' || options === null) throw invalid('forceNewCluster takes an object: { dataDir: … }')
  for (const name of Object.keys(options)) {
    if (!OPTIONS.includes(name)) throw invalid(unknownName('option', name, OPTIONS))
  }
  const { dataDir, dryRun = false, raiseTo = 0, memory } = options
  if (typeof dryRun !== 'boolean') throw invalid('dryRun is true or false')
  const isNumber = raiseTo === 0 ? options.raiseTo === undefined : Number.isSafeInteger(raiseTo) && raiseTo >= 1
  if (!isNumber || raiseTo > limits.revisionRaisedMax) {
    throw invalid(`raiseTo must be a whole number from 1 to ${limits.revisionRaisedMax}`)
  }
  const { config } = memberOptions({ dataDir, memory })
  return parseReply<ForcedCluster>(await loadBinding().beginAnew(JSON.stringify(config), raiseTo, dryRun))
}

function invalid(message: string): RafterError {
  return new RafterError('INVALID_ARGUMENT', message)
}
