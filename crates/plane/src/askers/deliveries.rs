//! Responses of one round of work, gathered into one delivery for each asker. Knows nothing of the way there.

use rafterdb_codec::{encode_error_response, Code, RequestKind, Response};

use crate::askers::asker::{Asker, Waiter};

/// Appends a response.
pub fn write_response(out: &mut Vec<u8>, kind: impl Into<u8>, flags: u8, code: Code, id: u64, body: &[u8]) {
    Response {
        kind: kind.into(),
        flags,
        code,
        id,
        body,
    }
    .encode(out);
}

/// Bytes of answers gathered before they are sent.
pub const DELIVERY_BYTES_MAX: usize = 1 << 20;

/// Bytes of a buffer that is kept for the next round.
const KEPT_BYTES_MAX: usize = 1 << 20;

/// Responses of one round of work, gathered by who they go to. A round has few sources, so a linear look-up is the fastest.
#[derive(Default)]
pub struct Deliveries {
    slots: Vec<(Asker, Vec<u8>)>,
    last: usize,
    /// Empty buffers of the rounds before; at most as many as a round had sources.
    spare: Vec<Vec<u8>>,
}

impl Deliveries {
    /// The buffer for a source, to append responses to.
    pub fn to(&mut self, asker: &Asker) -> &mut Vec<u8> {
        if self.slots.get(self.last).is_none_or(|(s, _)| !s.same(asker)) {
            self.last = self.slots.iter().position(|(s, _)| s.same(asker)).unwrap_or_else(|| {
                let buffer = self.spare.pop().unwrap_or_default();
                self.slots.push((asker.clone(), buffer));
                self.slots.len() - 1
            });
        }
        &mut self.slots[self.last].1
    }

    /// A failed write, with its code.
    pub fn fail(&mut self, waiter: &Waiter, kind: impl Into<u8>, code: Code, detail: u64, text: &str) {
        encode_error_response(self.to(&waiter.asker), kind, waiter.id, code, detail, text);
    }

    /// Bytes gathered.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.slots.iter().map(|(_, responses)| responses.len()).sum()
    }

    /// Hands over what was gathered.
    pub fn send(&mut self, mut each: impl FnMut(&Asker, &[u8])) {
        self.last = 0;
        for (asker, mut responses) in self.slots.drain(..) {
            if !responses.is_empty() {
                each(&asker, &responses);
            }
            responses.clear();
            responses.shrink_to(KEPT_BYTES_MAX);
            self.spare.push(responses);
        }
    }
}

/// What a request of this kind is called in messages.
#[must_use]
pub fn request_name(kind: u8) -> &'static str {
    match RequestKind::try_from(kind) {
        Ok(RequestKind::Write) => "write",
        Ok(RequestKind::Read) => "read",
        Ok(RequestKind::Watch) => "watch",
        Ok(RequestKind::Status) => "status",
        Ok(RequestKind::Members) => "members",
        Ok(RequestKind::Transfer) => "leader transfer",
        Ok(RequestKind::ChangeMembers) => "change of members",
        Ok(RequestKind::WatchCredit | RequestKind::Cancel | RequestKind::Snapshot) | Err(_) => "request",
    }
}
