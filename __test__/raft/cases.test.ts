// Runs every script in cases/ and compares its output. UPDATE_CASES=1 rewrites the files: review the difference.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { runScript } from './script.js'

const folder = new URL('./cases/', import.meta.url)

for (const name of readdirSync(folder).filter((file) => file.endsWith('.txt'))) {
  test(name.replace('.txt', '').replaceAll('-', ' '), () => {
    const file = new URL(name, folder)
    const expected = readFileSync(file, 'utf8')
    const found = runScript(expected)
    if (process.env['UPDATE_CASES'] === '1') writeFileSync(file, found)
    else expect(found).toBe(expected)
  })
}
