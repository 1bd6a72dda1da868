// Linearizable reads without a lease (ReadIndex, Raft thesis 6.4): one round of messages confirms all reads that wait
// when it begins. Knows sequence numbers, not reads.
import type { Commands } from './commands.js'

/** The reads that wait at one leader. */
export class ReadQueue {
  readonly #commands: Commands
  /** Reads up to here have asked. */
  #asked = 0
  /** Reads up to here are answered or being confirmed. */
  #begun = 0
  /** Round that confirms reads up to #begun; 0: none is under way. */
  #round = 0
  /** Commit index when that round began. */
  #index = 0

  constructor(commands: Commands) {
    this.#commands = commands
  }

  /** Reads up to sequence wait. */
  ask(sequence: number): void {
    this.#asked = Math.max(this.#asked, sequence)
  }

  /** Reads wait for a round to begin, and none is under way. */
  get needsRound(): boolean {
    return this.#round === 0 && this.#asked > this.#begun
  }

  /** `round`, beginning now, confirms everything that waits; `commit` has an entry of this term. */
  begin(round: number, commit: number): void {
    this.#begun = this.#asked
    this.#round = round
    this.#index = commit
  }

  /** A quorum has answered `round`. */
  confirm(round: number): void {
    if (this.#round === 0 || round < this.#round) return
    this.#round = 0
    this.#commands.serveReads(this.#begun, this.#index)
  }

  /** The lease answers for everything that waits and has no round. */
  serve(commit: number): void {
    this.#round = 0
    this.#begun = this.#asked
    this.#commands.serveReads(this.#begun, commit)
  }
}
