// What earlier runs found, so that a run repeats only what changed: a mutant stays dead while the check that noticed it is
// the same, and a survivor meets only the checks that it has not outlived yet.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

/** Results by mutant's id. */
export class Cache {
  #path
  #results

  constructor(path) {
    this.#path = path
    try {
      this.#results = JSON.parse(readFileSync(path, 'utf8'))
    } catch {
      this.#results = {}
    }
  }

  /**
   * What is known of a mutant now: `{ noticed }`, or `{ missing, first }`, the checks it has yet to meet and the one that noticed
   * it when that was another. `digests`: by check.
   */
  known(id, digests) {
    const { noticed, outlived = {} } = this.#results[id] ?? {}
    if (noticed !== undefined && digests.get(noticed.check) === noticed.digest) return { noticed }
    const missing = [...digests.keys()].filter((check) => outlived[check] !== digests.get(check))
    return { missing, first: noticed?.check }
  }

  /** Keeps a result: what noticed it, or that all `met` checks did not. */
  keep(id, noticed, met, digests) {
    if (noticed !== undefined) this.#results[id] = { noticed: { ...noticed, digest: digests.get(noticed.check) } }
    else {
      const outlived = { ...this.#results[id]?.outlived }
      for (const check of met) outlived[check] = digests.get(check)
      this.#results[id] = { outlived }
    }
  }

  save() {
    mkdirSync(dirname(this.#path), { recursive: true })
    writeFileSync(this.#path, JSON.stringify(this.#results))
  }
}
