// The fault points of the sources, sorted by what it takes to reach them.
import { readFileSync } from 'node:fs'

const SOURCE = new URL('../../crates/fault/src/points.rs', import.meta.url)

/** Every point there is. */
export function allPoints(): string[] {
  const list = readFileSync(SOURCE, 'utf8').split('POINTS: &[')[1] ?? ''
  return [...list.matchAll(/\(\s*"([a-z.]+)",/g)].map((match) => match[1] ?? '')
}

/** Reached twice when a data directory is made: before log and stores are, and after. */
export const isOfFounding = (point: string) => ['member.identity', 'member.identified'].includes(point)

/** Reached for the first segments of a log; later ones are made of those that nobody needs any more. */
export const isOfFirstSegments = (point: string) => ['wal.segment.create', 'wal.segment.fill'].includes(point)

/** Reached when a member of several has a new data directory. */
export const isOfRecovery = (point: string) => point.startsWith('member.recovery.')

/** Reached when somebody reads: what is on disk does not change there. */
export const isOfReads = (point: string) => ['member.read', 'store.search.start'].includes(point)

/** Reached when a thread is started: what is on disk does not change there. */
export const isOfThreads = (point: string) => point === 'thread.start'

/** Reached when the members of a cluster change. */
export const isOfMembers = (point: string) => /^member\.(configur|joined|removed)/.test(point)

/** Reached when a cluster is made to begin anew with one member. */
export const isOfBeginningAnew = (point: string) => point.startsWith('member.anew.')

/** Reached when a snapshot goes from one member to another. */
export const isOfSnapshots = (point: string) => point.startsWith('store.install.') || point.startsWith('member.snapshot.')

/** Reached when the connection broke under one, which cluster/snapshot-resumes.test.ts sees to. */
export const isOfResuming = (point: string) => point.startsWith('member.snapshot.resume')

/** Reached when a member is sent what it lacks, which cluster/snapshot-increment.test.ts sees to. */
export const isOfIncrements = (point: string) =>
  ['member.snapshot.above', 'member.snapshot.base', 'store.install.base'].includes(point)

/** Reached when a backup is written. */
export const isOfBackups = (point: string) => point.startsWith('backup.')

/** Reached when a backup goes to an object store. */
export const isOfObjectStores = (point: string) => ['backup.part', 'backup.parts', 'backup.sent'].includes(point)

/** Reached when a data directory is made out of backups. */
export const isOfRestores = (point: string) => point.startsWith('member.restore.')
