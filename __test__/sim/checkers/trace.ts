// A digest of all that members did and clients were told, in order: runs with the same one were the same. Judges nothing.
import type { Checker, MemberView } from '../checker.js'
import type { Entry } from '../member-log.js'

export class Trace implements Checker {
  #digest = 0

  /** Of what has happened so far. */
  get digest(): number {
    return this.#digest >>> 0
  }

  onRole({ id }: MemberView, group: number, role: number, term: number): void {
    this.#add(1, id, group, role, term)
  }

  onWrite({ id }: MemberView, group: number, first: number, entries: readonly Entry[]): void {
    this.#add(2, id, group, first, entries.length)
  }

  onCommit({ id }: MemberView, group: number, index: number): void {
    this.#add(3, id, group, index, 0)
  }

  onApply({ id }: MemberView, group: number, index: number, { term, value }: Entry): void {
    this.#add(4, id, group, index, term)
    this.#add(5, value, 0, 0, 0)
  }

  onRestart({ id }: MemberView): void {
    this.#add(6, id, 0, 0, 0)
  }

  onAcknowledged(group: number, index: number, value: number): void {
    this.#add(7, group, index, value, 0)
  }

  onRead(group: number, index: number, floor: number): void {
    this.#add(8, group, index, floor, 0)
  }

  #add(kind: number, a: number, b: number, c: number, d: number): void {
    let digest = this.#digest
    digest = Math.imul(digest ^ kind, 0x9e3779b1) ^ (digest >>> 15)
    digest = Math.imul(digest ^ a, 0x85ebca6b) ^ (digest >>> 13)
    digest = Math.imul(digest ^ b, 0xc2b2ae35) ^ (digest >>> 16)
    digest = Math.imul(digest ^ c, 0x27d4eb2f) ^ (digest >>> 15)
    this.#digest = Math.imul(digest ^ d, 0x165667b1) ^ (digest >>> 14)
  }
}
