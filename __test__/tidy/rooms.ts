// The rooms of src/client stand on one another: what is above knows what is below, types included, and rooms side by side know
// nothing of each other. The public types in `api.ts` are known to all; `open.ts` stands on top.
import { isTypeScript, type Rule, referencesOf, type SourceFile } from './rule.js'

/** From the ground up. */
const layers = [
  ['api'],
  ['text', 'buffers'],
  ['wire'],
  ['arguments'],
  ['calls'],
  ['connection'],
  ['dispatch'],
  ['leader', 'reads', 'watch', 'transaction', 'members', 'history'],
  ['database'],
  ['open'],
]
const roomOf = (path: string) => path.split('/')[2]?.replace(/\.ts$/, '') ?? ''
const layerOf = (room: string) => layers.findIndex((layer) => layer.includes(room))

function check(files: SourceFile[]): string[] {
  const sources = files.filter((file) => isTypeScript(file) && file.path.startsWith('src/client/'))
  return sources.flatMap((file) => {
    const room = roomOf(file.path)
    if (layerOf(room) < 0) return [`${file.path} is in a room that the rule does not know: ${room}`]
    return referencesOf(file)
      .filter(
        ({ target }) => target.startsWith('src/client/') && roomOf(target) !== room && layerOf(roomOf(target)) >= layerOf(room),
      )
      .map(({ line, target }) => `${file.path}:${line} imports ${target}`)
  })
}

export const rooms: Rule = {
  name: 'the rooms of src/client stand on one another',
  check,
  canaries: [
    [{ path: 'src/client/wire/x.ts', text: "import type { Call } from '../calls/call.js'\n" }],
    [{ path: 'src/client/watch/x.ts', text: "import { pages } from '../reads/range.js'\n" }],
    [{ path: 'src/client/api.ts', text: "import type { Pair } from './wire/results.js'\n" }],
    [{ path: 'src/client/drawer/x.ts', text: '' }],
  ],
}
