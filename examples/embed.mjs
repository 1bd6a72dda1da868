// The README's example: a store inside this process, with no server and no configuration.
import { compare, open, put } from 'rafterdb'

const db = await open({ dataDir: './data/embedded' })
await db.put('greeting', 'hello')
console.log(await db.get('greeting'))
for await (const { key, value } of db.range({ prefix: 'gr' })) console.log(key, '=', value)

const [isFree, take] = [compare('lock', 'version', '=', 0), put('lock', 'me')]
const { succeeded } = await db.txn().if(isFree).then(take).commit()
console.log(succeeded ? 'got the lock' : 'somebody has the lock')
await db.close()
