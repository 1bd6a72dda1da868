// Ports for members under test: below those that the system hands to outgoing connections, which would take one in between.
import { createServer } from 'node:net'

const FIRST = 20_000
const END = 32_000

/** Those that were handed out, whether or not somebody listens yet, or any more. */
const given = new Set<number>()

/** `count` ports of the loopback interface, one after the other, on which nobody listens now, and which no other call was given. */
export async function freePorts(count: number): Promise<number[]> {
  for (;;) {
    const first = FIRST + Math.floor(Math.random() * (END - FIRST - count))
    const ports = Array.from({ length: count }, (_, i) => first + i)
    if (ports.some((port) => given.has(port))) continue
    for (const port of ports) given.add(port)
    if ((await Promise.all(ports.map(isFree))).every(Boolean)) return ports
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
