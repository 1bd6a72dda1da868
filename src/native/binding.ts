// The shape of the native addon (crates/binding). Numbers and bytes only; errors come as codes or as JSON.

import type { Direct, Handle } from './direct.js'

/** The addon. */
export interface Binding extends Direct {
  /** JSON of the opened member (see `MemberInfo`), or `{"code", "text"}`. */
  openMember(
    config: string,
    onFatal: (code: string, text: string) => void,
    onLog: (line: string) => void,
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
  readKey(reader: number): number
  closeReader(reader: number): void
  /** A named place at which a test has the process fail or die; see crates/fault. `null`, or JSON: `{"code", "text"}`. */
  faultPoint(name: string): string | null
  /** Begins the data directory of a member with the pairs of a revision. JSON: `{"restore": number}`, or `{"code", "text"}`. */
  beginRestore(config: string, revision: number): Promise<string>
  /** Adds pairs (`to` 0), or makes the changes up to `to` again. JSON: `{}`, or `{"code", "text"}`. */
  addToRestore(restore: number, raw: Uint8Array, to: number): Promise<string>
  /** Completes it, at a revision of at least `raised`. JSON: `{"revision"}`, or `{"code", "text"}`. */
  finishRestore(restore: number, revision: number, raised: number): Promise<string>
  abortRestore(restore: number): Promise<string>
  /**
   * Has a cluster begin anew with the member of a closed directory, or only looks at it. `raiseTo` 0: far above what it knows. JSON:
   * `ForcedCluster` of src/recover/force-new-cluster.ts, or `{"code", "text"}`.
   */
  beginAnew(config: string, raiseTo: number, onlyLook: boolean): Promise<string>
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
  /** Its own number: of its name if it founded its cluster, else the one that was drawn when it joined. */
  id: number
  /** Identity of the cluster that its data is of, or that it joined; 0: it knows none yet. */
  cluster: number
  /** It has joined, or is about to: its directory is not a founder's. */
  joining: boolean
  /** It has no data. */
  witness: boolean
  /** Who votes as long as no entry of the log says who does, by number: the founders, or those whom it joins. */
  voters: number[]
  /** Who learns until then, by number: itself if it joins. */
  learners: number[]
  members: { id: number; name: string; endpoint: string }[]
  /** Longest election timeout of this member's earlier lives whose promises may still be under way, ms; 0: none known. */
  promisedBefore: number
  /** How the log writes, as probed. */
  logMode: string
  /** What recovery did, for people. */
  notes: string[]
}
