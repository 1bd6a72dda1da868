// A member in a child process (fixtures/member.mjs): orders, its death, and the faults it is started with.
import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { MemberStatus, OpenOptions } from 'rafterdb'
import type { Lanes } from './plan.js'

const FIXTURE = fileURLToPath(new URL('./fixtures/member.mjs', import.meta.url))

/** An error that the child answered with. */
export class ChildError extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message)
  }
}

/** [key, version, modRevision, createRevision, length of the value, SHA-1 of it] */
export type DumpedPair = [string, number, number, number, number, string]

export interface Said {
  notes: string[]
  fatals: { code: string; message: string }[]
}

interface Waiter {
  resolve(result: unknown): void
  reject(error: Error): void
}

interface Answer {
  id: number
  result?: unknown
  error?: { code: string; message: string }
}

const running = new Set<Child>()

/** Ends every child that a test left behind. */
export async function endChildren(): Promise<void> {
  await Promise.all([...running].map((child) => child.kill()))
}

export class Child {
  private readonly process: ChildProcess
  private readonly waiting = new Map<number, Waiter>()
  private next = 0
  private stderr = ''
  /** Resolves to the signal or the exit code. */
  readonly gone: Promise<string>

  /** `faults` as in RAFTERDB_FAULTS. */
  constructor(faults = '') {
    this.process = fork(FIXTURE, {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      env: { ...process.env, RAFTERDB_FAULTS: faults },
    })
    running.add(this)
    this.process.stderr?.on('data', (text: Buffer) => {
      this.stderr = (this.stderr + text.toString()).slice(-4000)
    })
    this.process.on('message', (answer) => this.answered(answer as Answer))
    this.gone = new Promise((resolve) => {
      this.process.once('exit', (code, signal) => {
        running.delete(this)
        for (const { reject } of this.waiting.values())
          reject(new ChildError('DIED', `the process ended: ${signal ?? code} ${this.stderr}`))
        this.waiting.clear()
        resolve(signal ?? `${code}`)
      })
    })
  }

  open(options: OpenOptions): Promise<Said> {
    return this.ask('open', options) as Promise<Said>
  }

  /** Has the lanes run from their operation `first` on; resolves when all have ended, to how those did that failed. */
  async run(lanes: Lanes, first = 0): Promise<{ code: string; message: string }[]> {
    const { failures } = (await this.ask('run', { lanes, first })) as { failures: { code: string; message: string }[] }
    return failures
  }

  dump(options: { revision?: number; consistency?: 'serializable' } = {}): Promise<DumpedPair[]> {
    return this.ask('dump', options) as Promise<DumpedPair[]>
  }

  status(): Promise<MemberStatus[]> {
    return this.ask('status') as Promise<MemberStatus[]>
  }

  said(): Promise<Said> {
    return this.ask('said') as Promise<Said>
  }

  /** Any other order. */
  ask(order: string, options: object = {}): Promise<unknown> {
    const id = this.next++
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject })
      if (!this.process.connected) this.waiting.delete(id) && reject(new ChildError('DIED', 'the process has ended'))
      else
        this.process.send({ id, order, options }, (error) => {
          if (error && this.waiting.delete(id)) reject(new ChildError('DIED', `the process ended: ${error.message}`))
        })
    })
  }

  /** As by a power switch, but for what the operating system has. */
  async kill(): Promise<void> {
    this.process.kill('SIGKILL')
    await this.gone
  }

  /** Closes the member and ends the process. */
  async end(): Promise<void> {
    await this.ask('close')
    this.process.disconnect()
    await this.gone
  }

  private answered({ id, result, error }: Answer): void {
    const waiter = this.waiting.get(id)
    this.waiting.delete(id)
    if (error) waiter?.reject(new ChildError(error.code, error.message))
    else waiter?.resolve(result)
  }
}
