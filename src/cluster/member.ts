// A member of a cluster in this process: the native member, its Raft worker, and ports to it.
// Owns their order of start and stop; knows nothing of keys or values.
import { setTimeout as sleep } from 'node:timers/promises'
import { isMainThread, type Worker } from 'node:worker_threads'
import type { Port } from '../client/connection/port.js'
import type { ErrorCode } from '../codes.js'
import { RafterError } from '../errors.js'
import type { HostConfig } from '../host/config.js'
import type { MemberInfo } from '../native/binding.js'
import { errorCode, parseReply } from '../native/errors.js'
import { binaryFile, loadBinding } from '../native/load.js'
import { nativePort } from '../native/port.js'
import { startRaftThread } from './raft-thread.js'

/** How long the Raft worker may take to stop, ms: it may be in a write to the log. */
const WORKER_STOP_MS = 10_000

/** What the native side is told; see `Config` in crates/plane. */
export interface MemberConfig {
  name: string
  dataDir: string
  /** All members, this one too unless it joins. `id`: of one that has joined, or of any as MEMBERS tells it; default: that of its name. */
  members: { id?: number; name: string; endpoint: string }[]
  /** A directory that is new is that of a member which joins these members, and not of one that founds a cluster. Default: false. */
  joining?: boolean
  /** It joins as a witness. Of a directory that is there, that says it. Default: false. */
  witness?: boolean
  /** Identity of the cluster that it joins, as MEMBERS tells it; default: 0, not told. */
  cluster?: number
  /** `host:port` or `unix:/path`; empty: it does not listen. */
  listen: readonly string[]
  durability: 'always' | 'interval' | 'os'
  durabilityInterval: number
  electionTimeout: number
  memory: number
  valueBytesMax: number
  /** 0: as many as there are. */
  snapshotBytesPerSecond?: number
  connectionMemory?: number
  groups: number
  segmentBytes: number
  cpuAffinity: readonly number[] | 'numa' | null
  /** Hexadecimal digits; null: none. */
  clusterToken: string | null
}

/** What the Raft worker is told, but for what follows from the native side's answer. */
export type RaftOptions = Pick<HostConfig, 'heartbeatInterval' | 'electionTimeout' | 'leaseReads' | 'logRetainBytes'>

/** Who is told what a member has to say. */
export interface Listeners {
  /** The member stops because it must. */
  onFatal: (error: RafterError) => void
  /** A line for its log. */
  onLog: (text: string, level: 'info' | 'warn' | 'error') => void
}

/** A running member. */
export class ClusterMember {
  private readonly lost = new Set<(code: ErrorCode, message: string) => void>()
  private failure: RafterError | null = null

  private constructor(
    /** What the native side said of it. */
    readonly info: MemberInfo,
    private readonly worker: Worker,
    private readonly workerGone: Promise<void>,
    private readonly onFatal: (error: RafterError) => void,
  ) {}

  /**
   * Opens the data directory, recovers, listens, and starts the Raft worker. Rejects with the native side's code, or WORKER_FAILED;
   * nothing is open then.
   */
  static async start(config: MemberConfig, raft: RaftOptions, listeners: Listeners): Promise<ClusterMember> {
    const { onFatal } = listeners
    const onLog = (line: string) => listeners.onLog(...splitLevel(line))
    const binding = loadBinding()
    let member: ClusterMember | null = null
    /** What ended it before anybody could hear of it: then it was never open. */
    const early: RafterError[] = []
    const onNativeFatal = (code: string, text: string) => {
      const error = new RafterError(errorCode(code), text)
      if (member) member.fail(error)
      else early.push(error)
    }
    const info = parseReply<MemberInfo>(await binding.openMember(JSON.stringify(config), onNativeFatal, onLog, !isMainThread))
    for (const line of info.notes) onLog(line)
    const host: HostConfig = {
      ...raft,
      id: info.id,
      members: info.voters,
      learners: info.learners,
      groups: config.groups,
      seed: (info.id ^ Date.now()) >>> 0,
      promisedBefore: info.promisedBefore,
    }
    const worker = await startRaftThread(`rafterdb ${config.name}`, {
      member: info.member,
      config: host,
      binary: binaryFile(),
    }).catch(async (error: unknown) => {
      // Without it the member does nothing but hold its directory.
      binding.stopMember(info.member)
      await binding.closeMember(info.member)
      throw error
    })
    // A store that was not closed must not keep the process alive.
    worker.unref()
    const gone = new Promise<void>((resolve) => worker.once('exit', () => resolve()))
    member = new ClusterMember(info, worker, gone, onFatal)
    worker.once('error', (error) => binding.failMember(info.member, `the Raft worker stopped: ${error.stack ?? error.message}`))
    const [ended] = early
    if (ended === undefined) return member
    await member.close().catch(() => {})
    throw ended
  }

  /** A port to this member; see `PortFactory`. */
  port(notify: () => void, lost: (code: ErrorCode, message: string) => void): Port {
    if (this.failure) throw new RafterError(codeOfCalls(this.failure), this.failure.message)
    const binding = loadBinding()
    const port = nativePort(binding, binding.openPort(this.info.member, notify))
    this.lost.add(lost)
    return {
      ...port,
      openReader: (memory, resultBytes) => {
        const reader = binding.openReader(this.info.member, memory, resultBytes)
        return { read: () => binding.readKey(reader), close: () => binding.closeReader(reader) }
      },
      close: () => {
        this.lost.delete(lost)
        port.close()
      },
    }
  }

  /** Counters of the native side: exchanges, log writes, bytes. */
  counters(): Record<string, number> {
    return JSON.parse(loadBinding().memberCounters(this.info.member)) as Record<string, number>
  }

  /**
   * Stops the Raft worker, then writes out what is queued and joins the threads. IO if the disk hangs: then what waits for it
   * holds the data directory until the process ends, and the end of the process may wait for it too.
   */
  async close(): Promise<void> {
    const binding = loadBinding()
    this.worker.ref()
    binding.stopMember(this.info.member)
    const stopped = this.workerGone.then(() => true)
    const isStopped = await Promise.race([stopped, sleep(WORKER_STOP_MS, false, { ref: false })])
    if (!isStopped) this.worker.unref()
    parseReply(await binding.closeMember(this.info.member))
    if (!isStopped) throw new RafterError('IO', 'the member could not be closed: its Raft worker waits for the disk, which hangs')
  }

  private fail(error: RafterError): void {
    if (this.failure) return
    this.failure = error
    for (const lost of this.lost) lost(codeOfCalls(error), error.message)
    this.onFatal(error)
  }
}

/** With which code calls fail after a member has stopped. */
function codeOfCalls({ code }: RafterError): ErrorCode {
  return code === 'MEMBER_REMOVED' ? code : 'POISONED'
}

/** The native side puts a line's level in front of it (crates/plane/src/ground/log_line.rs). */
function splitLevel(line: string): [string, 'info' | 'warn' | 'error'] {
  const [, mark, text] = /^(warning|error): (.*)$/s.exec(line) ?? []
  if (mark === undefined) return [line, 'info']
  return [text ?? '', mark === 'error' ? 'error' : 'warn']
}
