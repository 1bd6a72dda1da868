// Whether a store holds what a model holds: pairs, earlier revisions, every change with what it replaced, and that it goes on.
import { type Database, RafterError } from 'rafterdb'
import { expect } from 'vitest'
import type { Change, Model } from './model.js'

async function valuesAt(db: Database, revision: number): Promise<[string, string][]> {
  const values: [string, string][] = []
  for await (const { key, value } of db.range({ revision })) values.push([key, value])
  return values
}

/** All changes from the compacted revision on. */
async function changesOf(db: Database, model: Model): Promise<Change[]> {
  const expected = model.changes.filter(({ revision }) => revision >= model.compacted).length
  const changes: Change[] = []
  await using watch = db.watch({ fromRevision: Math.max(1, model.compacted), previous: true })
  for await (const { revision, type, key, value, previous } of watch) {
    changes.push({ revision, type, key, ...(value !== undefined && { value }), ...(previous && { previous: previous.value }) })
    if (changes.length === expected) break
  }
  return changes
}

/** Fails unless the store holds what the model holds; returns the hash of its state. */
export async function expectToHold(db: Database, model: Model): Promise<string> {
  const pairs = []
  for await (const { lease: _, ...pair } of db.range()) pairs.push(pair)
  expect(pairs).toEqual(model.pairs())
  const inThePast = new Set([model.compacted, model.compacted + 1, 5000, model.revision - 2, model.revision])
  for (const revision of [...inThePast].filter((each) => each > 0 && each <= model.revision)) {
    expect(await valuesAt(db, revision), `at revision ${revision}`).toEqual(model.valuesAt(revision))
  }
  if (model.compacted > 1) {
    const compacted = await db.get('hot', { revision: model.compacted - 1 }).catch((error: unknown) => error)
    expect(compacted).toBeInstanceOf(RafterError)
    expect(compacted).toMatchObject({ code: 'COMPACTED' })
  }
  expect(await changesOf(db, model)).toEqual(model.changes.filter(({ revision }) => revision >= model.compacted))
  return (await db.status())[0]!.stateHash
}

/** Fails unless the next write gets the next revision. */
export async function expectToGoOn(db: Database, model: Model): Promise<void> {
  expect((await db.put('goes on', 'here')).revision).toBe(model.revision + 1)
  expect(await db.get('goes on')).toBe('here')
}
