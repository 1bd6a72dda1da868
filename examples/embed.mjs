// The README's example: a store inside this process, with no server and no configuration.
import { compare, open, put } from 'rafterdb'

const db = await open({ dataDir: './data/embedded' })
await db.put('greeting', 'hello')
console.log(await db.get('greeting'))
for await (const { key, value } of db.range({ prefix: 'gr' })) console.log(key, '=', value)

const lock = await db
  .txn()
  .if(compare('lock', 'version', '=', 0))
  .then(put('lock', 'me'))
  .commit()
console.log(lock.succeeded ? 'got the lock' : 'somebody has the lock')
await db.close()
