// Random faults to a cluster of real processes, for long; `__test__/chaos` says which, and what is checked. Half of the time members talk
// through proxies, half, where the system allows for it, each has a network of its own that loses packets.
//   npm run chaos -- [--minutes 60] [--members 3] [--seed N]
import { parseArgs } from 'node:util'
import { run } from './run.mjs'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '60' },
    members: { type: 'string', default: '3' },
    seed: { type: 'string' },
  },
})
const env = {
  RAFTERDB_CHAOS_SECONDS: String(Number(values.minutes) * 30),
  RAFTERDB_CHAOS_MEMBERS: values.members,
  ...(values.seed === undefined ? {} : { RAFTERDB_SEED: values.seed }),
}
process.exitCode = run.status('vitest', ['run', '__test__/chaos'], { env })
