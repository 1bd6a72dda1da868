// One process that runs seeds: `{ seed, twice }` comes, `{ outcome }` or `{ error }` goes back.
import { pathToFileURL } from 'node:url'

const [file, seconds] = process.argv.slice(2)
const { simulateEverything } = await import(pathToFileURL(file))

function run(seed, twice) {
  const once = () => simulateEverything(seed, Number(seconds) * 1000)
  const outcome = once()
  if (twice && once().digest !== outcome.digest) throw new Error('the same run: a second run of this seed was another one')
  return outcome
}

process.on('message', ({ seed, twice }) => {
  const began = process.cpuUsage()
  try {
    const outcome = run(seed, twice)
    const { user, system } = process.cpuUsage(began)
    process.send({ outcome: { ...outcome, cpu: (user + system) / 1000, runs: twice ? 2 : 1 } })
  } catch (error) {
    process.send({ error: String(error?.stack ?? error) })
  }
})
