// A member in a process that is short of file descriptors. Orders come over IPC: `starve` takes all that are left, `feed` gives
// them back, `write` puts so many values of 64 KiB, `spent` is the processor's time of a second, ms.
import { closeSync, openSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { open } from 'rafterdb'

const fatals = []
const taken = []
let written = 0
let db

const orders = {
  async open(options) {
    db = await open({ ...options, onFatal: (error) => fatals.push(`${error.code} ${error.message}`) })
  },
  starve() {
    try {
      for (;;) taken.push(openSync('/dev/null', 'r'))
    } catch (error) {
      return error.code
    }
  },
  feed() {
    for (const file of taken.splice(0)) closeSync(file)
  },
  async write({ count }) {
    for (let n = 0; n < count; n++) {
      await db.put(`k${written++}`, 'v'.repeat(65_536))
    }
  },
  get: ({ key, options }) => db.get(key, options).then((value) => value?.length ?? null),
  async spent() {
    const before = process.cpuUsage()
    await sleep(1_000)
    const { user, system } = process.cpuUsage(before)
    return (user + system) / 1_000
  },
  fatals: () => fatals,
  written: () => written,
  close: () => db.close(),
}

process.on('message', async ({ id, order, options }) => {
  try {
    process.send({ id, result: await orders[order](options ?? {}) })
  } catch (error) {
    process.send({ id, error: { code: error.code ?? 'BUG', message: error.message } })
  }
})
process.on('disconnect', () => process.exit(0))
