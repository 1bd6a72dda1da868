// What writers asked for and what they were told, to be held against what the cluster has in the end. Judges nothing.

/** One attempt to give a key a value that no other attempt gives it. */
export interface Attempt {
  key: string
  value: string
  /** Where it took effect, if that was acknowledged. */
  revision: number | null
}

/** Every attempt of a run. */
export class WriteRecord {
  readonly attempts: Attempt[] = []
  acknowledged = 0

  /** Notes the attempt before it is made; the answer is the caller's to note. */
  begin(key: string, value: string): Attempt {
    const attempt: Attempt = { key, value, revision: null }
    this.attempts.push(attempt)
    return attempt
  }

  acknowledge(attempt: Attempt, revision: number): void {
    attempt.revision = revision
    this.acknowledged++
  }

  /** A compare-and-put that was told that its compare failed: it has certainly not been done. */
  withdraw(attempt: Attempt): void {
    this.attempts.splice(this.attempts.lastIndexOf(attempt), 1)
  }
}
