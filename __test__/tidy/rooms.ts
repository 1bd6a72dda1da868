// Rooms, the folders of a part, stand on one another: what is above knows what is below, and rooms of one level know nothing of each
// other. In src/client types count too, the public ones in `api.ts` are known to all, and `open.ts` stands on top. The rooms of the
// plane stand in a row, in the order of the table in ARCHITECTURE.md.
import { isRust, isTypeScript, type Rule, referencesOf, type SourceFile } from './rule.js'
import { rustUses } from './rust-modules.js'

/** Rooms from the ground up; those of one level side by side. */
type Levels = string[][]

const CLIENT = 'src/client/'
const CLIENT_LEVELS: Levels = [
  ['call-options'],
  ['members-api'],
  ['api'],
  ['text', 'buffers'],
  ['wire'],
  ['arguments'],
  ['calls'],
  ['connection'],
  ['dispatch'],
  ['leader', 'reads', 'watch', 'transaction', 'members', 'history'],
  ['database'],
  ['join'],
  ['open'],
]

const PLANE = 'crates/plane/src/'
const TABLE = 'ARCHITECTURE.md'
const HEADING = '### Rooms of the plane'

/** The folder or the file of a part in which a file is. */
const roomOf = (path: string, part: string) =>
  path
    .slice(part.length)
    .split('/')[0]
    ?.replace(/\.(ts|rs)$/, '') ?? ''
const levelOf = (room: string, levels: Levels) => levels.findIndex((level) => level.includes(room))

/** What is wrong with a file of a part that uses these targets. */
function wrong(path: string, targets: { target: string; at: string }[], part: string, levels: Levels): string[] {
  const room = roomOf(path, part)
  const level = levelOf(room, levels)
  if (level < 0) return [`${path} is in a room that the rule does not know: ${room}`]
  return targets
    .filter(({ target }) => target.startsWith(part) && roomOf(target, part) !== room)
    .filter(({ target }) => levelOf(roomOf(target, part), levels) >= level)
    .map(({ target, at }) => `${at} uses ${target}`)
}

function checkClient(files: SourceFile[]): string[] {
  const sources = files.filter((file) => isTypeScript(file) && file.path.startsWith(CLIENT))
  return sources.flatMap((file) => {
    const targets = referencesOf(file).map(({ target, line }) => ({ target, at: `${file.path}:${line}` }))
    return wrong(file.path, targets, CLIENT, CLIENT_LEVELS)
  })
}

/** The rooms of the plane, in the order in which the table has them. */
function planeRooms(files: SourceFile[]): string[] {
  const page = files.find(({ path }) => path === TABLE)?.text ?? ''
  const section = page.split(HEADING)[1]?.split('\n#')[0] ?? ''
  const rows = section.split('\n').filter((line) => line.startsWith('| `'))
  return rows.flatMap((row) => [...(row.split('|')[1] ?? '').matchAll(/`(\w+)`/g)].map((match) => match[1] ?? ''))
}

function checkPlane(files: SourceFile[]): string[] {
  const levels = planeRooms(files).map((room) => [room])
  if (levels.length === 0) return [`${TABLE} has no table of rooms below "${HEADING}"`]
  const sources = files.filter((file) => isRust(file) && file.path.startsWith(PLANE))
  const uses = [...rustUses(sources)].filter(([path]) => path !== `${PLANE}lib.rs`)
  const found = uses.flatMap(([path, used]) => {
    const targets = [...used].map((target) => ({ target, at: path }))
    return wrong(path, targets, PLANE, levels)
  })
  const gone = levels.flat().filter((room) => !uses.some(([path]) => roomOf(path, PLANE) === room))
  return [...found, ...gone.map((room) => `${TABLE} has a room of the plane that is not there: ${room}`)]
}

export const clientRooms: Rule = {
  name: 'the rooms of src/client stand on one another',
  check: checkClient,
  canaries: [
    [{ path: 'src/client/wire/x.ts', text: "import type { Call } from '../calls/call.js'\n" }],
    [{ path: 'src/client/watch/x.ts', text: "import { pages } from '../reads/range.js'\n" }],
    [{ path: 'src/client/api.ts', text: "import type { Pair } from './wire/results.js'\n" }],
    [{ path: 'src/client/drawer/x.ts', text: '' }],
  ],
}

/** A plane of the rooms `ground`, `log`, `apply` and `member`, whose files are these; nothing is wrong with it but what they say. */
const plane = (sources: Record<string, string>): SourceFile[] => {
  const texts = { ground: '', log: 'use crate::ground::G;\n', apply: 'use crate::log::L;\n', member: '', ...sources }
  const rooms = Object.entries(texts).filter(([, text]) => text !== NONE)
  return [
    {
      path: TABLE,
      text: `${HEADING}\n| rooms | hold |\n|---|---|\n| \`ground\` | a |\n| \`log\`, \`apply\` | b |\n| \`member\` | c |\n`,
    },
    { path: `${PLANE}lib.rs`, text: rooms.map(([name]) => `mod ${name};\n`).join('') },
    ...rooms.map(([name, text]) => ({ path: `${PLANE}${name}/mod.rs`, text })),
  ]
}
const NONE = 'no such room'

export const roomsOfThePlane: Rule = {
  name: 'the rooms of the plane stand in the order of the table',
  check: checkPlane,
  canaries: [
    plane({ ground: 'use crate::member::Life;\n' }),
    plane({ log: 'fn f() { crate::apply::run() }\n' }),
    plane({ apply: NONE, applying: 'use crate::log::L;\n' }),
    plane({ apply: NONE }),
    plane({ drawer: '' }),
    plane({}).slice(1),
  ],
}
