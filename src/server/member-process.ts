// One member as a child process, as `dev` runs it. Knows how to start, watch and stop a process; nothing of the cluster.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { writeWhole } from './steady-file.js'

/** Milliseconds that a member has to close before it is killed. */
const CLOSE_MS = 10_000
/** Last lines of a member's log that are kept for the report of its death. */
const TAIL_LINES = 5

export interface MemberPlan {
  name: string
  endpoint: string
  dataDir: string
  logFile: string
  /** Arguments of the `serve` command. */
  args: string[]
}

export class MemberProcess {
  /** Last lines that it logged. */
  readonly tail: string[] = []
  /** Resolves when the process is gone: its exit code, or the signal that ended it. */
  readonly gone: Promise<string>
  isGone = false
  private readonly child: ChildProcess

  constructor(
    readonly plan: MemberPlan,
    script: string,
    env: Record<string, string | undefined>,
  ) {
    mkdirSync(dirname(plan.logFile), { recursive: true })
    const file = openSync(plan.logFile, 'a')
    // The channel is only there to end with this process: a member whose parent was killed closes too.
    this.child = spawn(process.execPath, [script, 'serve', ...plan.args], { env, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] })
    const ends: Promise<unknown>[] = []
    for (const stream of [this.child.stdout, this.child.stderr]) {
      if (!stream) continue
      stream.on('data', (chunk: Buffer) => {
        // What a full disk does not take is lost: this process and the member go on.
        writeWhole(file, chunk)
        this.keepTail(chunk.toString('utf8'))
      })
      ends.push(once(stream, 'close'))
    }
    this.gone = this.end().then(async (how) => {
      await Promise.all(ends)
      this.isGone = true
      closeSync(file)
      return how
    })
  }

  /** Resolves when the process has ended. Not by its `close` event, which does not come after a disconnect. */
  private end(): Promise<string> {
    return new Promise((resolve) => {
      this.child.once('error', (error) => resolve(error.message))
      this.child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`))
    })
  }

  get pid(): number | undefined {
    return this.child.pid
  }

  /** Asks it to close, and kills it if it does not. Resolves when it is gone. */
  async stop(): Promise<void> {
    if (this.isGone) return
    if (this.child.connected) this.child.disconnect()
    const timer = setTimeout(() => this.child.kill('SIGKILL'), CLOSE_MS)
    await this.gone
    clearTimeout(timer)
  }

  private keepTail(text: string): void {
    this.tail.push(...text.split('\n').filter((line) => line.trim() !== ''))
    this.tail.splice(0, this.tail.length - TAIL_LINES)
  }
}
