// How far backups are that are made, read or restored, for people. Knows no command.
import type { BackupProgress } from '../client/api.js'
import type { Progress } from './progress.js'

/** What is told of a backup's progress, shown. */
export function shownBy(progress: Progress): (of: BackupProgress) => void {
  return ({ pairs, changes, fraction }) => {
    const unit = changes === 0 ? 'keys' : pairs === 0 ? 'changes' : 'keys and changes'
    progress.update(pairs + changes, fraction, unit)
  }
}
