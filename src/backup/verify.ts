// Reads backups from end to end, and holds what they say of themselves against what is in them. Needs no cluster.
import type { Backup, BackupProgress } from '../client/api.js'
import { RafterError } from '../errors.js'
import { backupOf, chainTo, type Found } from './chain.js'
import { changeAt, damaged, type End, type Header, pairAt, viewOf } from './format.js'
import { type BackupOrigin, type Origin, originOf } from './origin.js'
import type { Piece } from './reader.js'
import { checkKey } from './seal.js'

export interface VerifyOptions {
  /** The key that they were made with. */
  key?: Uint8Array | undefined
  onProgress?: ((progress: BackupProgress) => void) | undefined
  signal?: AbortSignal | undefined
}

/** As `verifyBackup`. */
export async function verify(from: BackupOrigin, options: VerifyOptions): Promise<Backup[]> {
  checkKey(options.key)
  const origin = await originOf(from, options.key)
  try {
    const { all } = origin
    if (all.length === 0) throw new RafterError('BACKUP_CHAIN_BROKEN', 'there is no backup')
    const tell = teller(options, heldBy(all))
    const verified: Backup[] = []
    for (const found of all) {
      if (all.length > 1) chainTo(found, all)
      verified.push(await verifyOne(origin, found, tell))
    }
    return verified
  } finally {
    await origin.close()
  }
}

/** Pairs and changes of some backups; 0: nobody knows yet. */
export const heldBy = (all: readonly Found[]): number => all.reduce((sum, { pairs, changes }) => sum + pairs + changes, 0)

/** Adds up what was read, of `held` pairs and changes, and ends the work when the signal aborts. */
export function teller(
  { onProgress, signal }: Pick<VerifyOptions, 'onProgress' | 'signal'>,
  held: number,
): (read: Omit<BackupProgress, 'fraction'>) => void {
  const sum: BackupProgress = { pairs: 0, changes: 0, bytes: 0, fraction: undefined }
  return ({ pairs, changes, bytes }) => {
    if (signal?.aborted === true) throw new RafterError('ABORTED', 'aborted by its signal', { cause: signal.reason })
    sum.pairs += pairs
    sum.changes += changes
    sum.bytes += bytes
    if (held > 0) sum.fraction = Math.min(1, (sum.pairs + sum.changes) / held)
    onProgress?.(sum)
  }
}

async function verifyOne(origin: Origin, { name }: Found, tell: ReturnType<typeof teller>): Promise<Backup> {
  let [size, told] = [0, 0]
  const backup = await origin.open(name, (bytes) => (size += bytes))
  let end: End | undefined
  for await (const { piece, count } of checkedPieces(backup.header, backup.pieces(), name)) {
    tell({ ...countOf(piece, count), bytes: size - told })
    told = size
    if (piece.kind === 'end') end = piece
  }
  return backupOf(backup.header, end as End, name, size)
}

const countOf = ({ kind }: Piece, count: number) => ({
  pairs: kind === 'pairs' ? count : 0,
  changes: kind === 'changes' ? count : 0,
})

/** The pieces of a backup with the number of their records, if all of them make sense together. BACKUP_DAMAGED. */
export async function* checkedPieces(
  { kind, from }: Header,
  pieces: AsyncIterable<Piece>,
  name: string,
): AsyncGenerator<{ piece: Piece; count: number }> {
  const order = new Order(kind === 'full', from, name)
  for await (const piece of pieces) {
    const count = piece.kind === 'pairs' ? order.pairs(piece.raw) : piece.kind === 'changes' ? order.changes(piece.raw) : 0
    if (piece.kind === 'mark') order.mark(piece.revision)
    if (piece.kind === 'end') order.end(piece)
    yield { piece, count }
  }
}

/** What holds from one record to the next. */
class Order {
  #pairs = 0
  #changes = 0
  #lastKey = new Uint8Array(0)
  #revision: number
  #mark: number

  constructor(
    private readonly isFull: boolean,
    private readonly from: number,
    private readonly name: string,
  ) {
    this.#revision = from
    this.#mark = from
  }

  /** Keys ascend, and nothing is newer than the backup. */
  pairs(raw: Uint8Array): number {
    const before = this.#pairs
    const view = viewOf(raw)
    for (let at = 0; at < raw.length; this.#pairs++) {
      const pair = pairAt(raw, view, at)
      if (!this.isFull || pair === null || pair.modRevision > this.from || Buffer.compare(this.#lastKey, pair.key) >= 0) {
        throw damaged(this.name, 'a pair makes no sense')
      }
      this.#lastKey = pair.key as Uint8Array<ArrayBuffer>
      at = pair.end
    }
    return this.#pairs - before
  }

  /** Revisions ascend, above that of the backup before. */
  changes(raw: Uint8Array): number {
    const before = this.#changes
    const view = viewOf(raw)
    for (let at = 0; at < raw.length; this.#changes++) {
      const change = changeAt(raw, view, at)
      const isInOrder = change !== null && change.modRevision >= this.#revision && change.modRevision > this.from
      if (this.isFull || !isInOrder || change.modRevision <= this.#mark) throw damaged(this.name, 'a change makes no sense')
      this.#revision = change.modRevision
      at = change.end
    }
    return this.#changes - before
  }

  mark(revision: number): void {
    if (this.isFull || revision < this.#mark) throw damaged(this.name, 'a mark makes no sense')
    this.#mark = revision
  }

  end({ revision, pairs, changes }: End): void {
    const isRight = pairs === this.#pairs && changes === this.#changes && revision >= Math.max(this.#revision, this.#mark)
    if (!isRight || (this.isFull && revision !== this.from)) throw damaged(this.name, 'its end does not fit what is before it')
  }
}
