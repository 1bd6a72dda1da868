// Makes the data directory of a member of a new cluster out of backups, at one revision of them. The directory counts when it is complete.
import type { BackupProgress, OpenOptions } from '../client/api.js'
import { memberOptions } from '../cluster/options.js'
import { RafterError } from '../errors.js'
import { limits } from '../limits.js'
import { parseReply } from '../native/errors.js'
import { loadBinding } from '../native/load.js'
import { unknownName } from '../nearest.js'
import { chainFor, type Found, type Target } from './chain.js'
import { type BackupOrigin, type Origin, originOf } from './origin.js'
import { checkKey } from './seal.js'
import { checkedPieces, heldBy, teller } from './verify.js'

const OPTIONS = ['dataDir', 'name', 'members', 'groups', 'key', 'revision', 'time', 'raiseTo', 'onProgress', 'signal']
/** What a cluster may have written after its last backup: clients shall not see a revision twice. */
const RAISE = 1_000_000_000

export interface RestoreOptions {
  /** The new member's directory: empty, or not there. */
  dataDir: string
  /** As for `open`: the member's name, and all members of the new cluster. Each member's directory is restored from the same backups. */
  name?: OpenOptions['name']
  members?: OpenOptions['members']
  /** As for `open`: its Raft groups. All keys are in the first one, so the others are empty. Default 1. */
  groups?: OpenOptions['groups']
  /** The key that the backups were made with. */
  key?: Uint8Array | undefined
  /** The state after this revision. Default: the newest that there is. */
  revision?: number | undefined
  /** Instead: the newest state that a backup noted no later than this, in ms since 1970; in a `follow`, to about a second. */
  time?: number | undefined
  /**
   * The new store's revision is at least this one, so that whatever is made from its revisions is above what was made from the old one's.
   * Default: 1,000,000,000 above the newest revision of the backups.
   */
  raiseTo?: number | undefined
  onProgress?: ((progress: BackupProgress) => void) | undefined
  signal?: AbortSignal | undefined
}

export interface Restored {
  /** The revision whose state it is. */
  restoredRevision: number
  /** The store's revision: the next write gets a higher one. */
  revision: number
  pairs: number
  /** Changes after the full backup, made again. */
  changes: number
}

/** As `restoreBackup`. */
export async function restore(from: BackupOrigin, options: RestoreOptions): Promise<Restored> {
  const config = checkOptions(options)
  const origin = await originOf(from, options.key)
  try {
    return await restoreOf(origin, options, JSON.stringify(config))
  } finally {
    await origin.close()
  }
}

async function restoreOf(origin: Origin, options: RestoreOptions, config: string): Promise<Restored> {
  const chain = chainFor(options, origin.all)
  const newest = (origin.all.at(-1) as Found).revision
  const binding = loadBinding()
  const begun = await binding.beginRestore(config, (chain[0] as Found).from)
  const { restore: number } = parseReply<{ restore: number }>(begun)
  let isOver = false
  try {
    const reading = new Reading(origin, options, teller(options, heldBy(chain)), async (raw, to) => {
      parseReply(await binding.addToRestore(number, raw, to))
    })
    for (const backup of chain) await reading.read(backup)
    const { restoredRevision, pairs, changes } = reading
    const raiseTo = options.raiseTo ?? Math.min(newest + RAISE, limits.revisionRaisedMax)
    isOver = true
    const { revision } = parseReply<{ revision: number }>(await binding.finishRestore(number, restoredRevision, raiseTo))
    return { restoredRevision, revision, pairs, changes }
  } finally {
    if (!isOver) await binding.abortRestore(number)
  }
}

function checkOptions(options: RestoreOptions) {
  for (const name of Object.keys(options)) {
    if (!OPTIONS.includes(name)) throw new RafterError('INVALID_ARGUMENT', unknownName('option', name, OPTIONS))
  }
  const { dataDir, name, members, groups, key, revision, time, raiseTo, signal } = options
  checkKey(key)
  for (const [what, value] of Object.entries({ revision, time, raiseTo })) {
    if (value !== undefined && !(Number.isSafeInteger(value) && value >= 1)) {
      throw new RafterError('INVALID_ARGUMENT', `${what} must be a whole number from 1`)
    }
  }
  if (raiseTo !== undefined && raiseTo > limits.revisionRaisedMax) {
    throw new RafterError('INVALID_ARGUMENT', `raiseTo must be at most ${limits.revisionRaisedMax}`)
  }
  if (revision !== undefined && time !== undefined)
    throw new RafterError('INVALID_ARGUMENT', 'give a revision or a time, not both')
  if (signal?.aborted === true) throw new RafterError('ABORTED', 'restore: aborted by its signal', { cause: signal.reason })
  const { config } = memberOptions({ dataDir, name, members, groups })
  if (!config.witness) return config
  const text = `${config.name} is a witness, and has nothing to restore: restore the others, and start it with an empty directory`
  throw new RafterError('INVALID_ARGUMENT', text)
}

/** Reads a chain, and hands on what belongs to the target. */
class Reading {
  restoredRevision = 0
  pairs = 0
  changes = 0

  constructor(
    private readonly origin: Origin,
    private readonly target: Target,
    private readonly tell: ReturnType<typeof teller>,
    /** Takes pairs (`to` 0), or changes up to a revision. */
    private readonly take: (raw: Uint8Array, to: number) => Promise<void>,
  ) {}

  async read(found: Found): Promise<void> {
    const to = await this.#last(found)
    const { header, pieces } = await this.origin.open(found.name)
    for await (const { piece, count } of checkedPieces(header, pieces(), found.name)) {
      if (piece.kind === 'pairs') {
        await this.take(piece.raw, 0)
        this.pairs += count
        this.tell({ pairs: count, changes: 0, bytes: piece.raw.length })
      } else if (piece.kind === 'changes') {
        // Only the last one is read beyond the target: all of it is checked.
        await this.take(piece.raw, to)
        this.changes += count
        this.tell({ pairs: 0, changes: count, bytes: piece.raw.length })
      }
    }
    this.restoredRevision = to
  }

  /** The last revision of a backup that is wanted. */
  async #last({ name, from, revision, at }: Found): Promise<number> {
    if (this.target.revision !== undefined) return Math.min(this.target.revision, revision)
    const { time } = this.target
    if (time === undefined || at <= time) return revision
    let last = from
    const { pieces } = await this.origin.open(name)
    for await (const piece of pieces()) {
      if (piece.kind === 'mark' && piece.at <= time) last = piece.revision
    }
    return last
  }
}
