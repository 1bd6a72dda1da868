// `npm start`: builds what is not up to date, then runs `rafterdb dev` in this same process, so that signals reach it.
import { build } from './build.mjs'

try {
  build({ ifNeeded: true })
} catch (error) {
  console.error(`start: ${error.message}`)
  process.exit(1)
}
process.argv.splice(2, 0, 'dev')
await import('../dist/server/main.js')
