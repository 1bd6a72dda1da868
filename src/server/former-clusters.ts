// That a cluster began anew since its majority was lost: a line for people, below what is said of its members. Older members do not say.
import type { MemberStatus } from '../client/api.js'

/** One line for each time, oldest first. */
export function beganAnew(members: readonly Partial<Pick<MemberStatus, 'formerClusters' | 'cluster'>>[]): string[] {
  const all = members.map(({ formerClusters = [] }) => formerClusters)
  const most = all.reduce((a, b) => (b.length > a.length ? b : a), [])
  return most.map(
    ({ cluster, index }) =>
      `began anew at entry ${index} with one member, as the majority of cluster ${cluster} was lost; what only others had is not here`,
  )
}
