// Three members in three processes on this machine, and clients in processes of their own.
import { fork } from 'node:child_process'
import { mkdirSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'

/** A child process that takes orders. */
export class Child {
  #child
  #waiting = new Map()
  #next = 0

  /** `script`: the child of this checkout, or that of another one whose build is to run. */
  constructor(script = new URL('./child.mjs', import.meta.url)) {
    this.#child = fork(script, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    this.#child.on('message', ({ id, result, error }) => {
      const waiter = this.#waiting.get(id)
      this.#waiting.delete(id)
      if (error) waiter.reject(new Error(error))
      else waiter.resolve(result)
    })
    this.#child.on('exit', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error('the process ended'))
    })
  }

  get pid() {
    return this.#child.pid
  }

  ask(order, options) {
    const id = this.#next++
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      this.#child.send({ id, order, options })
    })
  }

  kill(signal = 'SIGKILL') {
    this.#child.kill(signal)
  }

  async close() {
    await this.ask('close')
    const gone = new Promise((resolve) => this.#child.once('exit', resolve))
    this.#child.disconnect()
    await gone
  }
}

/** A port that was free just now. */
export async function freePort() {
  const server = createServer()
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address()
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** Starts three members with data under `dir`; resolves when one of them leads. `script` as of `Child`. */
export async function startCluster(dir, options = {}, script = undefined) {
  rmSync(dir, { recursive: true, force: true })
  mkdirSync(dir, { recursive: true })
  const names = ['a', 'b', 'c']
  const members = {}
  for (const name of names) members[name] = `127.0.0.1:${await freePort()}`
  const children = names.map(() => new Child(script))
  await Promise.all(
    children.map((child, i) => child.ask('open', { name: names[i], members, dataDir: `${dir}/${names[i]}`, ...options })),
  )
  const leader = await findLeader(children)
  return {
    members,
    children,
    leader,
    endpoints: Object.values(members),
    close: () => Promise.all(children.map((child) => child.close())),
  }
}

/** The child whose member leads. */
export async function findLeader(children) {
  const deadline = Date.now() + 15_000
  while (Date.now() < deadline) {
    const status = await children[0].ask('status')
    const at = status.findIndex((member) => member.role === 'leader')
    if (at >= 0) return children[['a', 'b', 'c'].indexOf(status[at].name)]
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error('no leader within 15 s')
}
