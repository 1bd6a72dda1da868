// Imports a list of packages, lists some of it, reads everything back and compares.
//   node examples/debian-import.mjs [FILE.ndjson[.gz]] [host:port,host:port,…]
// Without endpoints it uses a store of its own in a temporary directory; with them, the cluster that listens there.
import { createReadStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { createGunzip } from 'node:zlib'
import { connect, open } from 'rafterdb'

const sample = fileURLToPath(new URL('data/debian-sample.ndjson', import.meta.url))
const [file = sample, endpoints] = process.argv.slice(2)
/** Puts under way at once. */
const IN_FLIGHT = 1_000

const dataDir = await mkdtemp(join(tmpdir(), 'rafterdb-example-'))
const db = endpoints ? await connect({ endpoints: endpoints.split(',') }) : await open({ dataDir })
try {
  const records = await readRecords(file)
  const started = performance.now()
  for (let at = 0; at < records.length; at += IN_FLIGHT) {
    await Promise.all(records.slice(at, at + IN_FLIGHT).map(({ key, value }) => db.put(key, value)))
  }
  const seconds = (performance.now() - started) / 1_000
  console.log(`imported ${records.length} records in ${seconds.toFixed(2)} s`)

  for await (const { key } of db.range({ prefix: 'debian/bookworm/lib', keysOnly: true, limit: 5 })) console.log(key)

  const wanted = new Map(records.map(({ key, value }) => [key, value]))
  let equal = 0
  for await (const { key, value } of db.range({ prefix: 'debian/' })) if (wanted.get(key) === value) equal++
  if (equal !== wanted.size) throw new Error(`only ${equal} of ${wanted.size} records came back as they were`)
  console.log(`all ${equal} records came back as they were`)
} finally {
  await db.close()
  await rm(dataDir, { recursive: true, force: true })
}

/** Every line of the file: {"key": …, "value": …}. */
async function readRecords(path) {
  const bytes = createReadStream(path)
  const input = path.endsWith('.gz') ? bytes.pipe(createGunzip()) : bytes
  const records = []
  for await (const line of createInterface({ input })) records.push(JSON.parse(line))
  return records
}
