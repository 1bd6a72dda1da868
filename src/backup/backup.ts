// Makes backups: a full one of all pairs at one revision, incremental ones of the changes after another, one or one after the other.
import { randomBytes } from 'node:crypto'
import type { Backup, BackupOptions, BackupStore, BackupTarget } from '../client/api.js'
import type { BackupSource, Changes } from '../client/database/backup-source.js'
import { RafterError } from '../errors.js'
import { unknownName } from '../nearest.js'
import { backupOf, checkOneCluster, findBackups } from './chain.js'
import { directoryStore, SUFFIX } from './directory.js'
import { type Change, changeBytes, FORMAT, type Mark, newId } from './format.js'
import { checkKey } from './seal.js'
import { BackupWriter, FRAME_BYTES, LEVEL_DEFAULT } from './writer.js'

const OPTIONS = ['full', 'since', 'key', 'level', 'follow', 'interval', 'onProgress', 'onBackup', 'signal']
const INTERVAL_MS = 10_000
/** A backup that follows is ended when it has so many bytes, whatever the interval. */
const FOLLOWED_BYTES = 64 * 2 ** 20
/** At least so often a backup that follows says what time it is. */
const MARK_MS = 1_000
/** A full backup whose revision is compacted meanwhile is begun again so many times. */
const ATTEMPTS = 3

/** As `Database.backup`. */
export async function runBackup(source: BackupSource, to: BackupTarget, options: BackupOptions): Promise<Backup> {
  const { full = false, since, follow = false, signal } = checkOptions(to, options)
  if (signal?.aborted === true) throw aborted(signal)
  const cluster = await source.cluster(signal)
  const run = new Run(source, to, options, cluster)
  let last = full ? null : typeof to === 'function' ? (since ?? null) : await run.newest()
  if (last !== null && last.cluster !== cluster) {
    const text = `the backups are of the cluster ${last.cluster}, and this is ${cluster}: give it a directory of its own`
    throw new RafterError('CLUSTER_MISMATCH', text)
  }
  for (let failures = 0; ; ) {
    const before = run.increments
    try {
      if (last === null) last = await run.full()
      else if (!follow) return await run.increment(last)
      return follow ? await run.follow(last) : last
    } catch (error) {
      const { code } = error as RafterError
      failures = run.increments > before ? 1 : failures + 1
      if ((code !== 'COMPACTED' && code !== 'WATCH_LOST') || typeof to === 'function' || failures === ATTEMPTS) throw error
      // The history that it read, or would continue with, is gone.
      last = null
    }
  }
}

/** INVALID_ARGUMENT. */
function checkOptions(to: BackupTarget, options: BackupOptions): BackupOptions {
  for (const name of Object.keys(options)) {
    if (!OPTIONS.includes(name)) throw new RafterError('INVALID_ARGUMENT', unknownName('option', name, OPTIONS))
  }
  checkKey(options.key)
  const { level = LEVEL_DEFAULT, interval = INTERVAL_MS, follow, since } = options
  const refuse = (text: string) => new RafterError('INVALID_ARGUMENT', text)
  if (!Number.isInteger(level) || level < 1 || level > 19) throw refuse('level must be a whole number from 1 to 19')
  if (!(interval > 0)) throw refuse('interval must be a number of milliseconds above 0')
  if (typeof to === 'function' && follow === true)
    throw refuse('a function takes one backup; follow needs a directory or a store')
  if (typeof to !== 'function' && since !== undefined)
    throw refuse('since is for a function; a directory or store has what it continues')
  if (typeof to === 'string' ? to === '' : typeof to !== 'function' && typeof to?.write !== 'function') {
    throw refuse('give a directory, a store or a function')
  }
  return options
}

type Sink = (chunks: AsyncIterable<Uint8Array>, name: string) => Promise<void>

/** What the backups of one call have in common. */
class Run {
  /** Incremental backups made. */
  increments = 0
  readonly #store: BackupStore | null
  readonly #sink: Sink

  constructor(
    private readonly source: BackupSource,
    to: BackupTarget,
    private readonly options: BackupOptions,
    private readonly cluster: string,
  ) {
    const store = typeof to === 'string' ? directoryStore(to) : typeof to === 'function' ? null : to
    this.#store = store
    this.#sink = store === null ? (to as Sink) : (chunks, name) => store.write(name, chunks)
  }

  /** The backup that is continued; null: there is none. */
  async newest(): Promise<Backup | null> {
    if (this.#store === null) return null
    const all = await findBackups(this.#store, this.options.key)
    checkOneCluster(all, this.cluster)
    return all.at(-1) ?? null
  }

  async full(): Promise<Backup> {
    const id = newId(randomBytes)
    return this.#write(`full-${id}${SUFFIX}`, (made) => this.#full(id, made))
  }

  /** The changes since `last`; that itself if there are none. */
  async increment(last: Backup): Promise<Backup> {
    const { signal } = this.options
    const to = await this.source.revision(signal)
    if (to < last.revision) throw new RafterError('CLUSTER_MISMATCH', `the cluster is at revision ${to}, before the backup`)
    if (to === last.revision) return { ...last, bytes: 0 }
    const following = new Following(this.source.changes(last.revision + 1, signal), last.revision)
    const fraction = () => Math.min(1, (following.complete - last.revision) / (to - last.revision))
    try {
      return await this.#increment(last, following, () => following.complete >= to, fraction)
    } finally {
      following.finish()
    }
  }

  /** One incremental backup after the other, until the signal aborts. */
  async follow(first: Backup): Promise<Backup> {
    const { signal, interval = INTERVAL_MS, onBackup } = this.options
    let last = first
    if (last.bytes > 0) onBackup?.(last)
    const following = new Following(this.source.changes(last.revision + 1), last.revision, signal)
    try {
      for (;;) {
        // Nothing is begun before there is something to write.
        while (following.bytes === 0 && !following.isOver) await following.more()
        if (following.isOver && following.bytes === 0) return last
        const end = performance.now() + interval
        const isOver = (bytes: number) => following.isOver || bytes >= FOLLOWED_BYTES || performance.now() >= end
        last = await this.#increment(last, following, isOver)
        onBackup?.(last)
      }
    } finally {
      following.finish()
    }
  }

  async #increment(
    last: Backup,
    following: Following,
    isOver: (bytes: number) => boolean,
    fraction: () => number | undefined = () => undefined,
  ): Promise<Backup> {
    const id = newId(randomBytes)
    const tell = (writer: BackupWriter) => this.#tell(writer, fraction())
    const name = `incremental-${id}${SUFFIX}`
    const backup = await this.#write(name, (made) => this.#changes(id, last, following, isOver, tell, made))
    this.increments++
    return backup
  }

  async #write(name: string, chunks: (made: (backup: Backup) => void) => AsyncIterable<Uint8Array>): Promise<Backup> {
    let backup: Backup | undefined
    const failure: { error?: unknown } = {}
    const made = (done: Backup) => {
      backup = { ...done, name: this.#store === null ? null : name }
    }
    try {
      await this.#sink(noting(chunks(made), failure), name)
    } catch (error) {
      // As it was thrown here, whatever a store of the app's makes of it.
      throw failure.error ?? error
    }
    if (backup === undefined) throw new RafterError('IO', 'whoever was to take the backup did not take it to its end')
    return backup
  }

  async *#full(id: string, made: (backup: Backup) => void): AsyncGenerator<Uint8Array> {
    const { signal } = this.options
    const total = this.options.onProgress === undefined ? 0 : await this.source.count(signal)
    let writer: BackupWriter | null = null
    const gathered: Uint8Array[] = []
    let [bytes, count] = [0, 0]
    const flush = (to: BackupWriter) => {
      const frame = to.pairsFrame(Buffer.concat(gathered), count)
      gathered.length = bytes = count = 0
      // Until its end is written there may be more.
      this.#tell(to, Math.min(0.999, to.pairs / Math.max(1, total)))
      return frame
    }
    for await (const page of this.source.pages(signal)) {
      if (writer === null) {
        writer = this.#writer({ id, kind: 'full', from: page.revision, parent: null, at: Date.now() })
        yield writer.begin()
      }
      gathered.push(page.raw)
      bytes += page.raw.length
      count += page.count
      if (bytes >= FRAME_BYTES) yield flush(writer)
    }
    if (writer === null) throw new RafterError('INTERNAL', 'a range without a page')
    if (bytes > 0) yield flush(writer)
    if ((await this.source.cluster(signal)) !== this.cluster) {
      throw new RafterError('CLUSTER_MISMATCH', 'the data under the backup is that of another cluster now')
    }
    const { from, at } = writer.header
    yield* this.#end(writer, { revision: from, at }, made)
  }

  async *#changes(
    id: string,
    last: Backup,
    following: Following,
    isOver: (bytes: number) => boolean,
    tell: (writer: BackupWriter) => void,
    made: (backup: Backup) => void,
  ): AsyncGenerator<Uint8Array> {
    const { revision: from, at } = last
    const writer = this.#writer({ id, kind: 'incremental', from, parent: last.id, at })
    yield writer.begin()
    for (let marked = performance.now(); ; ) {
      await following.more(MARK_MS)
      const over = isOver(writer.bytes + following.bytes)
      if (following.bytes < FRAME_BYTES && performance.now() < marked + MARK_MS && !over) continue
      const changes = following.taken(over)
      for (const part of inFrames(changes)) yield writer.changesFrame(part)
      const mark = { revision: following.complete, at: following.at }
      if (over && following.isWhole) {
        yield* this.#end(writer, mark, made)
        return
      }
      if (changes.length > 0) yield writer.markFrame(mark)
      tell(writer)
      marked = performance.now()
    }
  }

  *#end(writer: BackupWriter, mark: Mark, made: (backup: Backup) => void): Generator<Uint8Array> {
    const frame = writer.endFrame(mark)
    const { pairs, changes, bytes } = writer
    this.#tell(writer, 1)
    yield frame
    // Now whoever takes it has all of it, and asks for more.
    made(backupOf(writer.header, { ...mark, pairs, changes, frames: 0 }, null, bytes))
  }

  #writer(header: Pick<BackupWriter['header'], 'id' | 'kind' | 'from' | 'parent' | 'at'>): BackupWriter {
    const { key, level = LEVEL_DEFAULT } = this.options
    return new BackupWriter({ format: FORMAT, cluster: this.cluster, ...header }, key, level)
  }

  #tell({ pairs, changes, bytes }: BackupWriter, fraction: number | undefined): void {
    this.options.onProgress?.({ pairs, changes, bytes, fraction })
  }
}

/** The changes in pieces that a frame has room for. */
function* inFrames(changes: readonly Change[]): Generator<readonly Change[]> {
  for (let from = 0, to = 0, bytes = 0; from < changes.length; from = to, bytes = 0) {
    while (to < changes.length && bytes < FRAME_BYTES) bytes += changeBytes(changes[to++] as Change)
    yield changes.slice(from, to)
  }
}

async function* noting(chunks: AsyncIterable<Uint8Array>, failure: { error?: unknown }): AsyncGenerator<Uint8Array> {
  try {
    yield* chunks
  } catch (error) {
    failure.error = error
    throw error
  }
}

/** The changes as they come. */
class Following {
  /** Bytes of the changes that wait. */
  bytes = 0
  /** When `complete` was told, ms since 1970. */
  at = Date.now()
  /** The signal has aborted. */
  isOver = false
  #waiting: Change[] = []
  /** The highest revision of a change that was taken. */
  #taken = 0
  #taking: Promise<void> | null = null
  readonly #aborted: Promise<void>

  constructor(
    private readonly changes: Changes,
    /** Every change up to this revision has come. */
    public complete: number,
    signal?: AbortSignal,
  ) {
    this.#aborted = new Promise((resolve) => {
      const over = () => {
        this.isOver = true
        resolve()
      }
      if (signal?.aborted === true) over()
      else signal?.addEventListener('abort', over, { once: true })
    })
  }

  /** Whether all changes of each revision were taken of which one was. */
  get isWhole(): boolean {
    return this.#taken <= this.complete
  }

  /** Resolves when there is more, when the signal aborts, or after `wait` milliseconds. */
  async more(wait?: number): Promise<void> {
    this.#taking ??= this.#take()
    // Who is not there when it rejects meets it the next time.
    this.#taking.catch(() => {})
    let timer: NodeJS.Timeout | undefined
    const over = new Promise<void>((resolve) => {
      if (wait !== undefined) timer = setTimeout(resolve, wait)
    })
    // The rest of a revision is waited for, aborted or not.
    const aborted = this.isWhole ? [this.#aborted] : []
    try {
      await Promise.race([this.#taking, over, ...aborted])
    } finally {
      clearTimeout(timer)
    }
  }

  /**
   * The changes that have come. `whole`: but for those of a revision of which others may come, unless some of it were taken before, as they
   * are when it has very many.
   */
  taken(whole: boolean): Change[] {
    const last = Math.max(this.complete, this.#taken)
    const cut = whole ? this.#waiting.findIndex(({ revision }) => revision > last) : -1
    const changes = this.#waiting.splice(0, cut < 0 ? this.#waiting.length : cut)
    this.bytes = this.#waiting.reduce((bytes, change) => bytes + changeBytes(change), 0)
    this.#taken = changes.at(-1)?.revision ?? this.#taken
    return changes
  }

  finish(): void {
    this.changes.finish()
  }

  async #take(): Promise<void> {
    const { events, complete } = await this.changes.take()
    this.#taking = null
    for (const event of events) {
      this.#waiting.push(event)
      this.bytes += changeBytes(event)
    }
    if (complete > this.complete) [this.complete, this.at] = [complete, Date.now()]
  }
}

const aborted = (signal: AbortSignal) =>
  new RafterError('ABORTED', 'backup: aborted by its signal; nothing was written', { cause: signal.reason, outcome: 'not-done' })
