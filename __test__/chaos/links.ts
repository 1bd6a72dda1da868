// The links between members, each way one of its own, on loopback: cut, held up or slowed down by a test. Judges nothing.
//
// What is held up is not lost: as with a real network that is cut, TCP keeps it, and hands it over when the link is there again.
import { type AddressInfo, createServer, connect as dial, type Server, type Socket } from 'node:net'

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

/** All links of a cluster. */
export class Links implements Disposable {
  readonly #links: Link[] = []

  /** Makes a link, for `route` of a cluster. */
  readonly route = async (from: string, to: string, endpoint: string): Promise<string> => {
    const link = await Link.open(from, to, endpoint)
    this.#links.push(link)
    return link.endpoint
  }

  /** Those that one of the members dials. */
  from(names: readonly string[]): Link[] {
    return this.#links.filter(({ from }) => names.includes(from))
  }

  /** Those that lead from or to one of the members. */
  around(names: readonly string[]): Link[] {
    return this.#links.filter(({ from, to }) => names.includes(from) !== names.includes(to))
  }

  heal(): void {
    for (const link of this.#links) {
      link.delay = 0
      if (link.state !== 'open') link.set('open')
    }
  }

  [Symbol.dispose](): void {
    for (const link of this.#links) link.close()
  }
}
