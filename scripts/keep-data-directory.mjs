// Makes data directories with the present build and keeps them for all later versions to open: once before each release that changes
// what is on disk. `--as NAME` keeps them under another name than the version of the package.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { root, run } from './run.mjs'

const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const { values } = parseArgs({ options: { as: { type: 'string', default: version } } })
run('vitest', ['run', '__test__/data-directory', '-t', 'a directory that is made now'], { env: { RAFTERDB_KEEP_AS: values.as } })
console.log(`kept in __test__/data-directory/fixtures: ${values.as}.tar.gz and ${values.as}.json`)
