// The work behind a batcher, which ends when a test says so. Its result for an item is ten times the item.
import { setImmediate } from 'node:timers/promises'

/** Resolves when all that runs in this turn has run. Not by a timer that a test may have replaced. */
export const turn = (): Promise<void> => setImmediate()

export class Worker {
  /** The batches it was given, in order. */
  readonly batches: number[][] = []
  readonly #underWay = new Map<number, { resolve: (results: number[]) => void; reject: (error: Error) => void }>()

  run = (items: number[]): Promise<number[]> => {
    const number = this.batches.push([...items]) - 1
    return new Promise((resolve, reject) => this.#underWay.set(number, { resolve, reject }))
  }

  /** The batches that have not ended, by number, oldest first. */
  get underWay(): number[] {
    return [...this.#underWay.keys()]
  }

  end(number: number): void {
    this.#take(number).resolve((this.batches[number] ?? []).map((item) => item * 10))
  }

  endAll(): void {
    for (const number of this.underWay) this.end(number)
  }

  fail(number: number, error: Error): void {
    this.#take(number).reject(error)
  }

  #take(number: number): { resolve: (results: number[]) => void; reject: (error: Error) => void } {
    const found = this.#underWay.get(number)
    if (found === undefined) throw new Error(`batch ${number} is not under way`)
    this.#underWay.delete(number)
    return found
  }
}
