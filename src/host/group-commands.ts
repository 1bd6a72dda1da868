// Writes one group's commands as records of crates/codec/FORMATS.md. Decides nothing.
import { Command } from '../plane/record-kinds.js'
import type { After, Commands } from '../raft/commands.js'
import type { Parts } from '../raft/configuration.js'
import { type Outgoing, writeContent } from '../raft/message.js'
import { Message } from '../raft/raft-kinds.js'
import type { CommandBuffer } from './command-buffer.js'

/** Doubles of a record before its fields: kind and group. */
const HEADER = 2

/** The core's way to the commands array. */
export class GroupCommands implements Commands {
  readonly #buffer: CommandBuffer
  readonly #group: number

  constructor(buffer: CommandBuffer, group: number) {
    this.#buffer = buffer
    this.#group = group
  }

  accept(firstIndex: number, term: number, count: number): void {
    this.#three(Command.ACCEPT, firstIndex, term, count)
  }

  noop(index: number, term: number): void {
    this.#two(Command.NOOP, index, term)
  }

  append(handle: number, firstIndex: number, skip: number, runs: readonly number[]): void {
    const buffer = this.#buffer
    buffer.open(Command.APPEND, this.#group, HEADER + 4 + runs.length)
    buffer.put(handle)
    buffer.put(firstIndex)
    buffer.put(skip)
    buffer.put(runs.length / 2)
    for (const value of runs) buffer.put(value)
  }

  drop(handle: number): void {
    this.#one(Command.DROP, handle)
  }

  persist(term: number, vote: number, commit: number): void {
    this.#three(Command.PERSIST, term, vote, commit)
  }

  send(to: number, message: Outgoing, after: After): void {
    const buffer = this.#buffer
    buffer.open(Command.SEND, this.#group, HEADER + 12)
    buffer.put(to)
    buffer.put(message.kind)
    buffer.put(message.term)
    buffer.put(after)
    writeContent(message, buffer)
    const entries = message.kind === Message.APPEND
    buffer.put(entries ? message.first : 0)
    buffer.put(entries ? message.end : 0)
  }

  commit(index: number): void {
    this.#one(Command.COMMIT, index)
  }

  serveReads(sequence: number, index: number): void {
    this.#two(Command.SERVE_READS, sequence, index)
  }

  lease(until: number): void {
    this.#one(Command.LEASE, until)
  }

  role(role: number, term: number, leader: number): void {
    this.#three(Command.ROLE, role, term, leader)
  }

  fail(code: number): void {
    this.#one(Command.FAIL, code)
  }

  snapshotSend(peer: number): void {
    this.#one(Command.SNAPSHOT_SEND, peer)
  }

  cut(index: number): void {
    this.#one(Command.CUT, index)
  }

  restore(index: number, term: number): void {
    this.#two(Command.RESTORE, index, term)
  }

  recovered(): void {
    this.#buffer.open(Command.RECOVERED, this.#group, HEADER)
  }

  transferOver(peer: number, code: number): void {
    this.#two(Command.TRANSFER_OVER, peer, code)
  }

  roster(members: readonly number[]): void {
    this.#buffer.open(Command.ROSTER, this.#group, HEADER + 1 + members.length)
    this.#pairs(members)
  }

  configure(asker: number, index: number, term: number, parts: Parts): void {
    const buffer = this.#buffer
    buffer.open(Command.CONFIGURE, this.#group, HEADER + 4 + parts.length)
    buffer.put(asker)
    buffer.put(index)
    buffer.put(term)
    this.#pairs(parts)
  }

  changeOver(asker: number, code: number): void {
    this.#two(Command.CHANGE_OVER, asker, code)
  }

  #pairs(pairs: readonly number[]): void {
    this.#buffer.put(pairs.length / 2)
    for (const value of pairs) this.#buffer.put(value)
  }

  #one(kind: number, a: number): void {
    this.#buffer.open(kind, this.#group, HEADER + 1)
    this.#buffer.put(a)
  }

  #two(kind: number, a: number, b: number): void {
    this.#buffer.open(kind, this.#group, HEADER + 2)
    this.#buffer.put(a)
    this.#buffer.put(b)
  }

  #three(kind: number, a: number, b: number, c: number): void {
    this.#buffer.open(kind, this.#group, HEADER + 3)
    this.#buffer.put(a)
    this.#buffer.put(b)
    this.#buffer.put(c)
  }
}
