// A child process with a database of its own, driven by orders; see fixtures/child.mjs. Ends with the test that made it.
import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import {
  type Compare,
  type Database,
  type ErrorCode,
  type KeyValue,
  RafterError,
  type TxnOperation,
  type TxnResult,
} from 'rafterdb'

const SCRIPT = fileURLToPath(new URL('./fixtures/child.mjs', import.meta.url))

interface Answer {
  id: number
  result?: unknown
  error?: { name: string; code: string; message: string }
}

/** The calls that go through unchanged. */
type Method =
  | 'put'
  | 'get'
  | 'getPair'
  | 'getSync'
  | 'delete'
  | 'count'
  | 'status'
  | 'members'
  | 'transferLeader'
  | 'compact'
  | 'backup'

/** Nobody will answer: the process is gone. What it was asked to do may or may not have been done. */
export class ProcessEnded extends Error {}

export class Child {
  /** Resolves to the exit code, or to the signal that ended it. */
  readonly gone: Promise<number | string>
  isGone = false
  readonly #process: ChildProcess
  readonly #waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>()
  #nextId = 0

  /** `command` goes in front of what is run. */
  constructor(env: Record<string, string> = {}, command: readonly string[] = []) {
    const [run = '', ...args] = [...command, process.execPath, SCRIPT]
    this.#process = spawn(run, args, {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      env: { ...process.env, ...env },
      serialization: 'advanced',
    })
    this.#process.on('message', (answer: Answer) => this.#settle(answer))
    this.gone = new Promise((resolve) => {
      this.#process.once('exit', (code, signal) => {
        this.isGone = true
        for (const { reject } of this.#waiting.values()) reject(new ProcessEnded('the process ended'))
        this.#waiting.clear()
        resolve(code ?? signal ?? 'unknown')
      })
    })
  }

  get pid(): number {
    return this.#process.pid ?? 0
  }

  /** Rejects with a RafterError of the same code, or ProcessEnded. */
  ask(order: string, input?: unknown): Promise<unknown> {
    if (this.isGone || !this.#process.connected) return Promise.reject(new ProcessEnded('the process ended'))
    const id = this.#nextId++
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      this.#process.send({ id, order, input }, (error) => {
        if (error === null) return
        this.#waiting.delete(id)
        reject(new ProcessEnded(error.message))
      })
    })
  }

  call<M extends Method>(method: M, ...args: unknown[]): Promise<Awaited<ReturnType<Database[M]>>> {
    return this.ask('call', { method, args }) as Promise<Awaited<ReturnType<Database[M]>>>
  }

  get(key: string, options?: object): Promise<string | null> {
    return this.ask('call', { method: 'get', args: [key, options] }) as Promise<string | null>
  }

  getPair(key: string): Promise<KeyValue | null> {
    return this.ask('call', { method: 'getPair', args: [key] }) as Promise<KeyValue | null>
  }

  txn(compares: Compare[], then: TxnOperation[], otherwise: TxnOperation[]): Promise<TxnResult> {
    return this.ask('txn', { compares, then, otherwise }) as Promise<TxnResult>
  }

  signal(name: NodeJS.Signals): void {
    this.#process.kill(name)
  }

  /** Leaves the process to end by itself. */
  release(): void {
    if (this.#process.connected) this.#process.disconnect()
  }

  #settle({ id, result, error }: Answer): void {
    const waiter = this.#waiting.get(id)
    this.#waiting.delete(id)
    if (error === undefined) waiter?.resolve(result)
    else if (error.name === 'RafterError') waiter?.reject(new RafterError(error.code as ErrorCode, error.message))
    else waiter?.reject(new Error(`${error.name}: ${error.message}`))
  }
}
