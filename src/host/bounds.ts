// How bounds fit into one another, checked when this is loaded; crates/codec/src/bounds_fit.rs checks the same for Rust, and the
// sizes of layouts. Holds no values of its own but those of layouts that TypeScript writes.
import { limits } from '../limits.js'
import { assert } from '../raft/assert.js'

/** FORMATS.md: headers of an entry, of a request, of a raft record, and of a batch in a request; a run of terms. */
const ENTRY_HEADER_BYTES = 8
const REQUEST_HEADER_BYTES = 16
const RAFT_HEADER_BYTES = 68
const RUN_BYTES = 12
const PUT_BYTES = 32 + 20
/** Doubles of a MESSAGE event and of an APPEND command, without their runs. */
const RUNS_BEFORE = 14
/** Doubles of an OPENED event without its runs, and at the head of the events array. */
const OPENED_BEFORE = 11
const HEAD = 2

const entryBytes = ENTRY_HEADER_BYTES + limits.principalBytesMax + limits.requestBytesMax - REQUEST_HEADER_BYTES
const appendBytes = Math.max(limits.appendBytesMax, entryBytes)
const runsBytes = limits.appendRunsMax * RUN_BYTES
const runsDoubles = RUNS_BEFORE + 2 * limits.appendRunsMax

assert(RAFT_HEADER_BYTES + runsBytes + appendBytes <= limits.frameBytesMax, 'an accepted entry fits an append', { appendBytes })
assert(entryBytes <= limits.proposalBytesMax, 'an empty queue takes any entry', { entryBytes })
assert(
  REQUEST_HEADER_BYTES + PUT_BYTES + limits.keyBytesMax + limits.valueBytesLargest <= limits.requestBytesMax,
  'the largest put fits a request',
)
assert(HEAD + runsDoubles <= limits.eventsDoublesMax, 'a message fits the events array', { runsDoubles })
assert(runsDoubles <= limits.commandsDoublesMax, 'an append fits the commands array', { runsDoubles })
assert(HEAD + OPENED_BEFORE < limits.eventsDoublesMax, 'a group can be opened')
