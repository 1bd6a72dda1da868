// Files are named like their language names them, and after what they hold.
import type { Rule } from './rule.js'

const KEBAB = /^[a-z0-9]+(-[a-z0-9]+)*(\.(test|bench|config|d))?\.(ts|mjs)$/
const SNAKE = /^[a-z0-9]+(_[a-z0-9]+)*\.rs$/
/** Names that say nothing of what is inside. */
const DRAWERS = /(^|[-_/])(utils?|helpers?|common|managers?|misc)([-_./]|$)/i

export const names: Rule = {
  name: 'names: kebab-case .ts, snake_case .rs, no drawers',
  check: (files) =>
    files.flatMap(({ path }) => {
      const name = path.split('/').at(-1) ?? ''
      if (/\.(ts|mjs)$/.test(name) && !KEBAB.test(name)) return [`${path}: not kebab-case`]
      if (name.endsWith('.rs') && !SNAKE.test(name)) return [`${path}: not snake_case`]
      return /\.(ts|mjs|rs)$/.test(name) && DRAWERS.test(path) ? [`${path}: says nothing of what is inside`] : []
    }),
  canaries: [
    'src/raft/Raft.ts',
    'src/raft/vote_reply.ts',
    'crates/wal/src/groupCommit.rs',
    'src/client/utils.ts',
    'src/helpers/x.ts',
    'crates/net/src/peer_manager.rs',
  ].map((path) => [{ path, text: '' }]),
}
