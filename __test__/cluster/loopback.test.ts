// A member listens where it was told and nowhere else; a store of one member without an address opens no port at all.
import { existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs'
import { connect as dial } from 'node:net'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { freePorts } from '../ports.js'
import { Child } from './child.js'

const dir = mkdtempSync(join(tmpdir(), 'rafterdb-loopback-'))
afterAll(() => rmSync(dir, { recursive: true, force: true }))

function accepts(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = dial({ host, port, timeout: 2_000 })
    const end = (answer: boolean) => {
      socket.destroy()
      resolve(answer)
    }
    socket.once('connect', () => end(true))
    socket.once('error', () => end(false))
    socket.once('timeout', () => end(false))
  })
}

/** Sockets of a process that listen, where the system tells; `[]` elsewhere. */
function listeners(pid: number): string[] {
  const fds = `/proc/${pid}/fd`
  if (!existsSync(fds)) return []
  const links = readdirSync(fds).map((fd) => {
    try {
      return readlinkSync(join(fds, fd))
    } catch {
      // Closed since the directory was read.
      return ''
    }
  })
  const LISTEN = '0A'
  const tables = ['tcp', 'tcp6'].flatMap((name) => readFileSync(`/proc/${pid}/net/${name}`, 'utf8').split('\n').slice(1))
  return tables
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[3] === LISTEN && links.includes(`socket:[${fields[9]}]`))
    .map((fields) => fields[1] ?? '')
}

test('a member on the loopback interface cannot be reached from elsewhere', async () => {
  const [port = 0] = await freePorts(1)
  const child = new Child()
  await child.ask('open', { dataDir: join(dir, 'listens'), listen: `127.0.0.1:${port}` })
  expect(await accepts('127.0.0.1', port)).toBe(true)
  const addresses = Object.values(networkInterfaces()).flatMap((all) => all ?? [])
  const outside = addresses.filter(({ internal }) => !internal).map(({ address }) => address)
  for (const address of [...outside, '127.0.0.2']) expect(await accepts(address, port), address).toBe(false)
  if (existsSync('/proc/self/fd')) {
    expect(listeners(child.pid)).toEqual([`0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`])
  }
  child.signal('SIGKILL')
  await child.gone
})

test('a store without an address opens no port', async () => {
  const child = new Child()
  await child.ask('open', { dataDir: join(dir, 'silent') })
  await child.call('put', 'a', '1')
  expect(listeners(child.pid)).toEqual([])
  child.signal('SIGKILL')
  await child.gone
})
