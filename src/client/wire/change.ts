// The body of a CHANGE_MEMBERS request (crates/codec/src/configuration.rs).
import { writeU64 } from './integers.js'
import type { ConfiguredMember } from './membership.js'

const FORCED = 1

/**
 * ```
 * 0   u64 index of the configuration that it was made from
 * 8   u8  1 FORCED, seven bytes of 0
 * 16  u32 members, then each: [u64 id][u8 part][u8 priority][u16 bytes of the name][u16 of the endpoint][u16 0][name][endpoint]
 * ```
 */
const HEAD_BYTES = 20
const MEMBER_HEAD_BYTES = 16

/** Who the members shall be, in place of those of the configuration of index `from`. Parts: 1 votes, 0 learns; 4 more: a witness. */
export function encodeChange(from: number, isForced: boolean, wanted: readonly ConfiguredMember[]): Uint8Array {
  const members = wanted.map(({ id, part, priority, name, endpoint }) => {
    const [nameBytes, endpointBytes] = [Buffer.from(name), Buffer.from(endpoint)]
    const head = new DataView(new ArrayBuffer(MEMBER_HEAD_BYTES))
    writeU64(head, 0, id)
    head.setUint8(8, part)
    head.setUint8(9, priority)
    head.setUint16(10, nameBytes.length, true)
    head.setUint16(12, endpointBytes.length, true)
    return Buffer.concat([new Uint8Array(head.buffer), nameBytes, endpointBytes])
  })
  const head = new DataView(new ArrayBuffer(HEAD_BYTES))
  writeU64(head, 0, from)
  head.setUint8(8, isForced ? FORCED : 0)
  head.setUint32(16, wanted.length, true)
  return Buffer.concat([new Uint8Array(head.buffer), ...members])
}
