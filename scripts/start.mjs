// `npm start`: builds what is not up to date, then runs `rafterdb dev` in this same process, so that signals reach it.
import { build } from './build.mjs'

const PARENT_POLL_MS = 500

try {
  build({ ifNeeded: true })
} catch (error) {
  console.error(`start: ${error.message}`)
  process.exit(1)
}
// npm that is told to stop does not always pass that on: its shell stands between. So the cluster ends with it.
const parent = process.ppid
setInterval(() => process.ppid === parent || process.kill(process.pid, 'SIGTERM'), PARENT_POLL_MS).unref()

process.argv.splice(2, 0, 'dev')
await import('../dist/server/main.js')
