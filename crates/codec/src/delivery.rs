//! A delivery cut between its responses, for a buffer or a frame that does not hold all of it. Knows how long a response is, and
//! nothing else of it.

use crate::messages::MESSAGE_HEADER_BYTES;
use crate::reader::{u32_at, Reader};

/// Bytes of the response that a delivery begins with, its header included. Of one that is cut short: all there is.
#[must_use]
pub fn first_response_bytes(delivery: &[u8]) -> usize {
    let header = Reader::new(delivery).array::<MESSAGE_HEADER_BYTES>();
    let bytes = header.map_or(usize::MAX, |header| MESSAGE_HEADER_BYTES + u32_at(header, 0) as usize);
    bytes.min(delivery.len())
}

/// Bytes of the longest run of whole responses from the front that is at most `bytes_max` long.
#[must_use]
pub fn whole_responses(delivery: &[u8], bytes_max: usize) -> usize {
    if delivery.len() <= bytes_max {
        return delivery.len();
    }
    let mut end = 0;
    while end < delivery.len() {
        let next = end + first_response_bytes(&delivery[end..]);
        if next > bytes_max {
            break;
        }
        end = next;
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Code, RequestKind, Response};

    fn delivery(bodies: &[usize]) -> Vec<u8> {
        let mut out = Vec::new();
        for (id, length) in (1..).zip(bodies) {
            let (kind, flags, code, body) = (RequestKind::Read.into(), 0, Code::Ok, &vec![7; *length][..]);
            Response {
                kind,
                flags,
                code,
                id,
                body,
            }
            .encode(&mut out);
        }
        out
    }

    #[test]
    fn responses_are_never_split() {
        let all = delivery(&[4, 100, 0]);
        assert_eq!(all.len(), 20 + 116 + 16);
        for room in 0..all.len() + 1 {
            let expected = match room {
                0..20 => 0,
                20..136 => 20,
                136..152 => 136,
                _ => 152,
            };
            assert_eq!(whole_responses(&all, room), expected, "room for {room}");
        }
        assert_eq!(first_response_bytes(&all), 20);
        assert_eq!(first_response_bytes(&all[20..]), 116);
    }

    #[test]
    fn a_response_that_is_cut_short_is_all_there_is() {
        let whole = delivery(&[4]);
        (0..whole.len()).for_each(|end| assert_eq!(first_response_bytes(&whole[..end]), end));
        assert_eq!(whole_responses(&whole[..19], 18), 0);
    }
}
