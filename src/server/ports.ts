// Tells whether addresses are free, before anything is started on them.
import { once } from 'node:events'
import { createServer } from 'node:net'

/** The first of the addresses on which another process listens; undefined if all are free. */
export async function findPortInUse(addresses: string[]): Promise<string | undefined> {
  for (const address of addresses) {
    const colon = address.lastIndexOf(':')
    const server = createServer()
    try {
      server.listen(Number(address.slice(colon + 1)), address.slice(0, colon))
      await once(server, 'listening')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return address
      throw error
    } finally {
      server.close()
    }
  }
  return undefined
}
