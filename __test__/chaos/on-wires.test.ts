// Goal: the same on networks that lose packets: `chaos.test.ts` once more, in a network namespace, where members live on `wires.ts`.
// Only where the system allows for that, as root of Linux; elsewhere the proxies of `links.ts` are all there is.
import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { ownNetwork } from './wires.js'

const SECONDS = Number(process.env['RAFTERDB_CHAOS_SECONDS'] ?? 30)
const VITEST = fileURLToPath(new URL('../../node_modules/vitest/vitest.mjs', import.meta.url))
const command = ownNetwork([process.execPath, VITEST, 'run', '__test__/chaos/chaos.test.ts', '--reporter', 'verbose'])

test.runIf(command !== null)(`${SECONDS} s of faults on networks`, { timeout: SECONDS * 2_000 + 300_000 }, async () => {
  const [run = '', ...args] = command ?? []
  const env = { ...process.env, RAFTERDB_CHAOS_WIRES: '1', RAFTERDB_CHAOS_SECONDS: String(SECONDS) }
  const child = spawn(run, args, { env, stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = new Promise((resolve) => child.once('exit', resolve))
  const said = await text(child.stdout)
  console.log(said)
  expect(await exited).toBe(0)
})
