// Makes the data directory of a member of a new cluster out of backups, at one revision of them. The directory counts when it is complete.
import type { BackupProgress, BackupStore, OpenOptions } from '../client/api.js'
import { memberOptions } from '../cluster/options.js'
import { RafterError } from '../errors.js'
import { limits } from '../limits.js'
import { parseReply } from '../native/errors.js'
import { loadBinding } from '../native/load.js'
import { unknownName } from '../nearest.js'
import { chainFor, type Found, findBackups, type Target } from './chain.js'
import { openBackup } from './reader.js'
import { checkKey } from './seal.js'
import { type BackupOrigin, checkedPieces, originOf, teller } from './verify.js'

const OPTIONS = ['dataDir', 'name', 'members', 'key', 'revision', 'time', 'raiseTo', 'onProgress', 'signal']
/** What a cluster may have written after its last backup: clients shall not see a revision twice. */
const RAISE = 1_000_000_000

export interface RestoreOptions {
  /** The new member's directory: empty, or not there. */
  dataDir: string
  /** As for `open`: the member's name, and all members of the new cluster. Each member's directory is restored from the same backups. */
  name?: OpenOptions['name']
  members?: OpenOptions['members']
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
  const store = await originOf(from)
  const all = await findBackups(store, options.key)
  const chain = chainFor(options, all)
  const newest = (all.at(-1) as Found).revision
  const binding = loadBinding()
  const begun = await binding.beginRestore(JSON.stringify(config), (chain[0] as Found).from)
  const { restore: number } = parseReply<{ restore: number }>(begun)
  let isOver = false
  try {
    const reading = new Reading(store, options, async (raw, to) => {
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
  const { dataDir, name, members, key, revision, time, raiseTo, signal } = options
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
  return memberOptions({ dataDir, name, members }).config
}

/** Reads a chain, and hands on what belongs to the target. */
class Reading {
  restoredRevision = 0
  pairs = 0
  changes = 0
  readonly #tell: (read: BackupProgress) => void

  constructor(
    private readonly store: BackupStore,
    private readonly options: Target & { key?: Uint8Array | undefined } & Parameters<typeof teller>[0],
    /** Takes pairs (`to` 0), or changes up to a revision. */
    private readonly take: (raw: Uint8Array, to: number) => Promise<void>,
  ) {
    this.#tell = teller(options)
  }

  async read(found: Found): Promise<void> {
    const { key } = this.options
    const to = await this.#last(found)
    const { header, pieces } = await openBackup(this.store.read(found.name), found.name, key)
    for await (const { piece, count } of checkedPieces(header, pieces(), found.name)) {
      if (piece.kind === 'pairs') {
        await this.take(piece.raw, 0)
        this.pairs += count
        this.#tell({ pairs: count, changes: 0, bytes: piece.raw.length })
      } else if (piece.kind === 'changes') {
        // Only the last one is read beyond the target: all of it is checked.
        await this.take(piece.raw, to)
        this.changes += count
        this.#tell({ pairs: 0, changes: count, bytes: piece.raw.length })
      }
    }
    this.restoredRevision = to
  }

  /** The last revision of a backup that is wanted. */
  async #last({ name, from, revision, at }: Found): Promise<number> {
    if (this.options.revision !== undefined) return Math.min(this.options.revision, revision)
    const { time } = this.options
    if (time === undefined || at <= time) return revision
    let last = from
    const { pieces } = await openBackup(this.store.read(name), name, this.options.key)
    for await (const piece of pieces()) {
      if (piece.kind === 'mark' && piece.at <= time) last = piece.revision
    }
    return last
  }
}
