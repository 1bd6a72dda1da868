// Which backups a store has, and which of them lead to a revision: a full one, and those that continue it. Reads only their ends.
import type { Backup, BackupStore } from '../client/api.js'
import { RafterError } from '../errors.js'
import { type End, type Header, truncated } from './format.js'
import { endBytes, openBackup, readEnd } from './reader.js'

/** A backup that is in a store. */
export interface Found extends Backup {
  name: string
  parent: string | null
}

/** All backups of a store, the newest last. Errors as of `openBackup`: each names its file. */
export async function findBackups(store: BackupStore, key: Uint8Array | undefined): Promise<Found[]> {
  const found: Found[] = []
  for (const name of await store.list()) found.push(await findBackup(store, name, key))
  return found.sort((a, b) => a.revision - b.revision || a.at - b.at)
}

async function findBackup(store: BackupStore, name: string, key: Uint8Array | undefined): Promise<Found> {
  const chunks = store.read(name)[Symbol.asyncIterator]()
  let header: Header
  try {
    header = (await openBackup({ [Symbol.asyncIterator]: () => chunks }, name, key)).header
  } finally {
    await chunks.return?.()
  }
  const tail: Uint8Array[] = []
  for await (const chunk of store.read(name, endBytes(header))) tail.push(chunk)
  if (tail.length === 0) throw truncated(name)
  return { ...backupOf(header, readEnd(Buffer.concat(tail), header, name, key), name), name, parent: header.parent }
}

/** What a header and an end say together; `bytes` is for whoever knows them. */
export function backupOf(header: Header, end: End, name: string | null, bytes = 0): Backup {
  const { id, kind, cluster, from } = header
  const { revision, pairs, changes, at } = end
  return { id, kind, name, cluster, from, revision, at, pairs, changes, bytes }
}

/** The full backup that `last` goes back to, and all in between, in order. BACKUP_CHAIN_BROKEN. */
export function chainTo(last: Found, all: readonly Found[]): Found[] {
  const chain = [last]
  for (let first = last; first.parent !== null; ) {
    const before = all.find(({ id }) => id === first.parent)
    if (before === undefined || chain.includes(before)) {
      throw new RafterError('BACKUP_CHAIN_BROKEN', `${first.name} continues a backup that is not there: ${first.parent}`)
    }
    if (before.revision !== first.from || before.cluster !== first.cluster) {
      throw new RafterError('BACKUP_CHAIN_BROKEN', `${first.name} does not begin where ${before.name} ends`)
    }
    chain.unshift(before)
    first = before
  }
  return chain
}

/** CLUSTER_MISMATCH unless all backups are of that cluster: else it is chance which of two states is meant. */
export function checkOneCluster(all: readonly Found[], cluster: string): void {
  const other = all.find((each) => each.cluster !== cluster)
  if (other === undefined) return
  const text = `${other.name} is of the cluster ${other.cluster}, and others, or this cluster, are ${cluster}: give each a directory of its own`
  throw new RafterError('CLUSTER_MISMATCH', text)
}

/** Where in time a restore goes to; neither: as far as there is. */
export interface Target {
  revision?: number | undefined
  /** Milliseconds since 1970. */
  time?: number | undefined
}

/**
 * The shortest chain that holds the target: from the newest full backup that is not beyond it. BACKUP_CHAIN_BROKEN if what it needs is
 * missing, FUTURE_REVISION if all end before, COMPACTED if all begin after, CLUSTER_MISMATCH if there are two clusters'.
 */
export function chainFor({ revision, time }: Target, all: readonly Found[]): Found[] {
  if (all.length === 0) throw new RafterError('BACKUP_CHAIN_BROKEN', 'there is no backup')
  const newest = all[all.length - 1] as Found
  checkOneCluster(all, newest.cluster)
  if (revision !== undefined && revision > newest.revision) {
    throw new RafterError('FUTURE_REVISION', `the backups go to revision ${newest.revision}, not to ${revision}`)
  }
  const begins = (full: Found) => (revision === undefined || full.from <= revision) && (time === undefined || full.at <= time)
  const full = all.filter((each) => each.kind === 'full' && begins(each)).at(-1)
  if (full === undefined) {
    const oldest = all.find(({ kind }) => kind === 'full')
    if (oldest === undefined) throw new RafterError('BACKUP_CHAIN_BROKEN', 'there is no full backup')
    const wanted = revision === undefined ? new Date(time as number).toISOString() : `revision ${revision}`
    throw new RafterError(
      'COMPACTED',
      `the backups do not go back to ${wanted}: they begin at revision ${oldest.from}, ${new Date(oldest.at).toISOString()}`,
    )
  }
  return following(full, all, { revision, time })
}

function following(full: Found, all: readonly Found[], { revision, time }: Target): Found[] {
  const chain = [full]
  for (let last = full; ; ) {
    // What comes next may have been noted in the same millisecond.
    const isFar = (revision !== undefined && last.revision >= revision) || (time !== undefined && last.at > time)
    // Of two that continue one, as two processes at once may make them, the one that goes farther.
    const next = isFar ? undefined : all.filter(({ parent }) => parent === last.id).at(-1)
    if (next === undefined) break
    if (next.from !== last.revision || next.cluster !== last.cluster) chainTo(next, all)
    chain.push(next)
    last = next
  }
  const end = chain[chain.length - 1] as Found
  const isOpen = revision === undefined && time === undefined
  if (revision !== undefined && end.revision < revision) throw missing(end, all)
  // What was made after the end of the chain, and has no full backup of its own, continues something that is gone.
  const orphan = all.find(
    (each) => each.parent !== null && each.from >= end.revision && !all.some(({ id }) => id === each.parent),
  )
  if (orphan !== undefined && (isOpen || (time !== undefined && end.at < time))) chainTo(orphan, all)
  return chain
}

function missing(end: Found, all: readonly Found[]): RafterError {
  const orphan = all.find((each) => each.parent !== null && !all.some(({ id }) => id === each.parent))
  const text = orphan === undefined ? '' : `; ${orphan.name} continues a backup that is not there: ${orphan.parent}`
  return new RafterError('BACKUP_CHAIN_BROKEN', `the backups after ${end.name} do not lead to that revision${text}`)
}
