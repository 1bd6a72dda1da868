// What apps call of this folder. Loads the rest, and the native side, when it is wanted.
import type { ForcedCluster, ForceOptions } from './force-new-cluster.js'

export type { ForcedCluster, ForceOptions } from './force-new-cluster.js'

/**
 * The last resort when a majority of the voters is gone for good: has the cluster begin anew with one member that is left, as its only
 * voter. Works on that member's data directory, which must not be open anywhere. All that the member has is committed from then on, also
 * what it did not know to be; what only others had is lost, though it may have been acknowledged. It is a cluster of another identity:
 * members and clients of the one that was are refused with CLUSTER_MISMATCH, and can be members again with an empty data directory
 * and `join`. Of several that are left, take the one with the highest `lastTerm`, and of those the one with the highest `lastIndex`; a
 * `dryRun` tells them. Once it is begun there is no way back: after a crash, call it again.
 * Errors: DATA_DIR_MISMATCH (no member's directory, or one that holds nothing), MEMBER_REMOVED, INVALID_ARGUMENT (also: the member votes
 * alone already, so it needs nothing of this), DATA_DIR_LOCKED, DATA_DIR_INCOMPLETE, STORE_CORRUPT, LOG_CORRUPT, LOG_SEGMENT_MISSING,
 * FORMAT_NEWER, DISK_FULL, IO, BINARY_MISSING.
 */
export async function forceNewCluster(options: ForceOptions): Promise<ForcedCluster> {
  return (await import('./force-new-cluster.js')).force(options)
}
