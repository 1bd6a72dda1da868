// Messages as a plane would report them, for tests that say only what matters.
import { emptyMessage, type Incoming } from '../../src/raft/message.js'

type Said<Kind> = Kind extends Incoming ? Partial<Kind> & Pick<Kind, 'kind'> : never

/** What a test says of a message: its kind, and those of that kind's fields that matter. */
export type Arrival = Said<Incoming>

/** The message, from member 2 in term 1 unless it says otherwise; what is not said is 0, false or none. */
export function arrived(said: Arrival): Incoming {
  return { ...emptyMessage(), from: 2, term: 1, ...said } as Incoming
}
