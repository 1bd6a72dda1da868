// Opens a store of one member, reads all of it, now and at revisions of the past, and holds it against what was written.
import type { OpenOptions } from 'rafterdb'
import { check, checkAt, knownRevisions } from './check.js'
import { Child } from './child.js'
import { type Ledger, readLedger } from './ledger.js'
import type { Lanes } from './plan.js'

/** A child that opens one directory after the other, so that not each costs a process. */
export class Verifier {
  private readonly child = new Child()

  /** What is wrong with the store in `options.dataDir`. */
  async complaints(options: OpenOptions, lanes: Lanes, ledgerPath: string): Promise<string[]> {
    const ledger = readLedger(ledgerPath)
    try {
      await this.child.open(options)
    } catch (error) {
      return [`it does not open: ${(error as Error).message}`]
    }
    const found = await this.read(lanes, ledger)
    await this.child.ask('close')
    return found
  }

  end(): Promise<void> {
    return this.child.end()
  }

  private async read(lanes: Lanes, ledger: Ledger): Promise<string[]> {
    const found = check(lanes, ledger, await this.child.dump())
    const [status] = await this.child.status()
    const known = knownRevisions(lanes, ledger, status?.compactedRevision ?? 0)
    // The oldest there is, one between, and the newest.
    for (const revision of new Set([known.at(0), known.at(known.length >> 1), known.at(-1)])) {
      if (revision === undefined) continue
      const past = checkAt(lanes, ledger, revision, await this.child.dump({ revision }))
      found.push(...past.map((complaint) => `at revision ${revision}: ${complaint}`))
    }
    return found
  }
}
