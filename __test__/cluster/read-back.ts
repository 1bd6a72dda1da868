// Reads a cluster's whole state and its whole history.
import type { Database } from 'rafterdb'
import type { Outcome, Put } from './check-writes.js'

/** Every live pair, and every put since the first revision. For when nobody writes any more. */
export async function readBack(db: Database): Promise<Outcome> {
  const pairs: Outcome['pairs'] = []
  let revision = 0
  for await (const pair of db.range()) {
    pairs.push(pair)
    revision = Math.max(revision, pair.modRevision)
  }
  const history: Put[] = []
  if (revision === 0) return { pairs, history }
  await using watch = db.watch({ fromRevision: 1 })
  for await (const { type, key, value = '', version, revision: at } of watch) {
    if (type !== 'put') throw new Error(`${key} was deleted at ${at}; this reader is for runs that only put`)
    history.push({ revision: at, key, value, version })
    if (at === revision) break
  }
  return { pairs, history }
}
