// The shape of the native addon (crates/binding). Numbers and bytes only; errors come as codes or as JSON.

import type { Direct, Handle } from './direct.js'

/** The addon. */
export interface Binding extends Direct {
  /** JSON of the opened member (see `MemberInfo`), or `{"code", "text"}`. */
  openMember(
    config: string,
    onFatal: (code: string, text: string) => void,
    onNote: (text: string) => void,
    inWorker: boolean,
  ): Promise<string>
  exchange(member: number, commands: Float64Array, length: number, events: Float64Array, timeoutMs: number): number
  /** Stops a member whose Raft worker is gone. */
  failMember(member: number, text: string): void
  memberCounters(member: number): string
  stopMember(member: number): void
  closeMember(member: number): Promise<string>
  /** A port to a member of this process, for the calls below; see `Port` in src/client/connection/port.ts. */
  openPort(member: number, notify: () => void): Handle
  submit(port: Handle, buffer: Uint8Array, length: number): number
  drain(port: Handle, into: Uint8Array): number
  closePort(port: Handle): void
  /** Number of a reader; see `Port.openReader`. */
  openReader(member: number, memory: Uint8Array, resultBytes: number): number
  readKey(reader: number, length: number): number
  closeReader(reader: number): void
  dial(
    endpoint: string,
    timeoutMs: number,
    notify: () => void,
    lost: (code: string, text: string) => void,
  ): Promise<Handle | string>
}

/** What `openMember` tells of the member. */
export interface MemberInfo {
  /** Number by which this process finds it. */
  member: number
  id: number
  members: { id: number; name: string; endpoint: string }[]
  /** Longest election timeout of this member's earlier lives whose promises may still be under way, ms; 0: none known. */
  promisedBefore: number
  /** How the log writes, as probed. */
  logMode: string
  /** What recovery did, for people. */
  notes: string[]
}
