// One run in a process of its own: what is held before and after so many lives, as a line of JSON.
//   node --expose-gc child.mjs <lives before> <lives> [what is left open on purpose]
import { Churn, measure } from './rounds.mjs'

const [warm = '0', lives = '0', leak = ''] = process.argv.slice(2)
const churn = new Churn(leak)
await churn.start()
await churn.run(Number(warm))
const before = await measure()
await churn.run(Number(lives))
const after = await measure()
process.stdout.write(`${JSON.stringify({ before, after })}\n`)
// What was left open would hold the process.
if (leak === '') await churn.end()
process.exit(0)
