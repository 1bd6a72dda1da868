// What a store holds after a list of steps: a Map with revisions and the changes that led there. Knows nothing of rafterdb.

export interface ModelPair {
  key: string
  value: string
  createRevision: number
  modRevision: number
  version: number
}

export interface Change {
  revision: number
  type: 'put' | 'delete'
  key: string
  value?: string
  /** What the key held before. */
  previous?: string
}

/** One step; each makes one revision, but `raise`, which leaves out those before its own. */
export type Step =
  | { do: 'put'; key: string; value: string }
  | { do: 'delete'; prefix: string }
  | { do: 'txn'; put: [key: string, value: string]; delete: string }
  | { do: 'raise'; to: number }
  | { do: 'compact'; to: number }

export class Model {
  /** A store begins at 1, as in etcd. */
  revision = 1
  compacted = 0
  readonly changes: Change[] = []
  #pairs = new Map<string, ModelPair>()

  constructor(steps: readonly Step[]) {
    for (const step of steps) this.#apply(step)
  }

  /** The pairs at the last revision, by key. */
  pairs(): ModelPair[] {
    return [...this.#pairs.values()].sort((a, b) => (a.key < b.key ? -1 : 1))
  }

  /** Key and value of all pairs at a revision, by key. */
  valuesAt(revision: number): [key: string, value: string][] {
    const values = new Map<string, string>()
    for (const change of this.changes.filter((each) => each.revision <= revision)) {
      if (change.value === undefined) values.delete(change.key)
      else values.set(change.key, change.value)
    }
    return [...values].sort(([a], [b]) => (a < b ? -1 : 1))
  }

  #apply(step: Step): void {
    if (step.do === 'compact') {
      this.compacted = step.to
    } else if (step.do === 'raise') {
      this.revision = step.to
    } else {
      this.revision++
      if (step.do === 'put') this.#put(step.key, step.value)
      else if (step.do === 'delete') this.#delete((key) => key.startsWith(step.prefix))
      else {
        this.#put(...step.put)
        this.#delete((key) => key === step.delete)
      }
    }
  }

  #put(key: string, value: string): void {
    const before = this.#pairs.get(key)
    const pair = { key, value, createRevision: this.revision, modRevision: this.revision, version: 1 }
    if (before) Object.assign(pair, { createRevision: before.createRevision, version: before.version + 1 })
    this.#pairs.set(key, pair)
    this.changes.push({ revision: this.revision, type: 'put', key, value, ...(before && { previous: before.value }) })
  }

  #delete(isMeant: (key: string) => boolean): void {
    for (const { key, value } of this.pairs().filter((pair) => isMeant(pair.key))) {
      this.#pairs.delete(key)
      this.changes.push({ revision: this.revision, type: 'delete', key, previous: value })
    }
  }
}
