// The links between members, each way one of its own, on loopback: cut, held up or slowed down by a test. Judges nothing.
//
// What is held up is not lost: as with a real network that is cut, TCP keeps it, and hands it over when the link is there again.
import { type AddressInfo, createServer, connect as dial, type Server, type Socket } from 'node:net'
import type { Random } from '../client/random.js'
import { onLoopback, type Place } from '../cluster/harness.js'

/** Bytes that are slowed down are under way so long at most, ms. */
const SLOW_MS = 120

/** What becomes of bytes: passed on at once; kept; or the connection is refused, and those there are broken. */
export type LinkState = 'open' | 'held' | 'broken'

/** One socket's bytes on their way into another. */
class Flow {
  #kept: Buffer[] = []

  constructor(
    readonly link: Link,
    readonly from: Socket,
    readonly to: Socket,
  ) {
    from.on('data', (bytes) => this.#pass(bytes))
    from.on('close', () => to.destroy())
    from.on('error', () => to.destroy())
  }

  #pass(bytes: Buffer): void {
    if (this.link.state !== 'open') {
      this.#kept.push(bytes)
      this.from.pause()
    } else if (this.link.rate < Number.POSITIVE_INFINITY) {
      this.to.write(bytes)
      this.from.pause()
      setTimeout(() => this.from.resume(), (1_000 * bytes.length) / this.link.rate)
    } else if (this.link.delay > 0) setTimeout(() => this.#send(bytes), this.link.delay)
    else this.#send(bytes)
  }

  #send(bytes: Buffer): void {
    if (this.to.destroyed) return
    if (this.to.write(bytes)) return
    this.from.pause()
    this.to.once('drain', () => this.from.resume())
  }

  /** Hands over what was kept. */
  release(): void {
    for (const bytes of this.#kept.splice(0)) this.#send(bytes)
    this.from.resume()
  }
}

/** What one member dials to reach another: bytes of both directions take it, so a cut between two is of both their links. */
export class Link {
  state: LinkState = 'open'
  /** How long each piece is under way, ms. */
  delay = 0
  /** Bytes a second that it carries, each way and each connection. */
  rate = Number.POSITIVE_INFINITY
  readonly #server: Server
  readonly #flows = new Set<Flow>()

  private constructor(
    readonly from: string,
    readonly to: string,
    endpoint: string,
  ) {
    const [host = '', port = ''] = endpoint.split(':')
    this.#server = createServer((near) => {
      if (this.state === 'broken') {
        near.destroy()
        return
      }
      const far = dial({ host, port: Number(port), noDelay: true })
      near.setNoDelay(true)
      for (const flow of [new Flow(this, near, far), new Flow(this, far, near)]) {
        this.#flows.add(flow)
        flow.from.once('close', () => this.#flows.delete(flow))
      }
    })
  }

  static async open(from: string, to: string, endpoint: string): Promise<Link> {
    const link = new Link(from, to, endpoint)
    await new Promise<void>((resolve) => link.#server.listen(0, '127.0.0.1', resolve))
    return link
  }

  get endpoint(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  set(state: LinkState): void {
    this.state = state
    if (state === 'open') for (const flow of this.#flows) flow.release()
    if (state === 'broken') this.#break()
  }

  close(): void {
    this.#server.close()
    this.#break()
  }

  #break(): void {
    for (const { from } of [...this.#flows]) from.destroy()
  }
}

/** Where members live, how they reach each other, and what can be done to the links between them. */
export interface Network extends Disposable {
  /** Makes a place for a member. */
  place(name: string): Promise<Place>
  /** Where a member ('*': any) finds another one that lives at `endpoint`. */
  route(from: string, to: string, endpoint: string): Promise<string>
  /** The member is none any more: its place goes. */
  leave(name: string): void
  /** Those that lead from one of the members. */
  from(names: readonly string[]): Cuttable[]
  /** Those that lead from or to one of the members, and not between two of them. */
  around(names: readonly string[]): Cuttable[]
  /** What is sent to or by the members takes its time. */
  slow(names: readonly string[], random: Random): void
  /** Has this share of the packets to and from the members get lost; null: there are no packets here. */
  readonly lose: ((names: readonly string[], share: number) => void) | null
  /** All is as it was. */
  heal(): void
}

export interface Cuttable {
  set(state: LinkState): void
}

/** All links of a cluster, as proxies. */
export class Links implements Network {
  readonly lose = null
  readonly place = onLoopback
  #links: Link[] = []

  readonly route = async (from: string, to: string, endpoint: string): Promise<string> => {
    const link = await Link.open(from, to, endpoint)
    this.#links.push(link)
    return link.endpoint
  }

  leave(name: string): void {
    // Those that it dialed stay: as the leader it may have told the others that these lead to whoever is at their end.
    for (const link of this.#links) if (link.to === name) link.close()
    this.#links = this.#links.filter(({ to }) => to !== name)
  }

  from(names: readonly string[]): Link[] {
    return this.#links.filter(({ from }) => names.includes(from))
  }

  around(names: readonly string[]): Link[] {
    return this.#links.filter(({ from, to }) => names.includes(from) !== names.includes(to))
  }

  slow(names: readonly string[], random: Random): void {
    for (const link of this.around(names)) link.delay = random.below(SLOW_MS)
  }

  heal(): void {
    for (const link of this.#links) {
      link.delay = 0
      link.rate = Number.POSITIVE_INFINITY
      if (link.state !== 'open') link.set('open')
    }
  }

  [Symbol.dispose](): void {
    for (const link of this.#links) link.close()
  }
}
