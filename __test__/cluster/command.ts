// Runs one command line of rafterdb as a process of its own, to its end.
import { spawn } from 'node:child_process'
import { CLI } from './harness.js'

export interface Ended {
  /** Exit code, or the signal that ended it. */
  code: number | string
  out: string
  err: string
}

export function rafterdb(args: string[], env: Record<string, string> = {}): Promise<Ended> {
  const child = spawn(process.execPath, [CLI, ...args], { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } })
  const [out, err]: [string[], string[]] = [[], []]
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk.toString()))
  return new Promise((resolve) => {
    child.once('close', (code, signal) => resolve({ code: code ?? signal ?? '', out: out.join(''), err: err.join('') }))
  })
}
