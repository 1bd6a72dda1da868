//! What the member itself asks, as leases and rebalancing do: each write has somebody who is called with its answer, once, also
//! when the member ends first. Knows nothing of what is asked.

use std::collections::HashMap;

use parking_lot::Mutex;
use rafterdb_codec::{encode_error, Code, RequestKind, Response, Responses};

/// Writes of the member itself that may wait.
pub const INTERNAL_WAITING_MAX: usize = 1024;

/// Called with the answer to a write, once, on whichever thread has it; must not block.
pub type Answered = Box<dyn FnOnce(&Response<'_>) + Send>;

#[derive(Default)]
struct Waiting {
    /// Number of the last write.
    last: u64,
    /// Who waits for each.
    answered: HashMap<u64, Answered>,
    /// What later writes are refused with.
    closed: Option<Code>,
}

/// The member as an asker.
#[derive(Default)]
pub struct Internal {
    waiting: Mutex<Waiting>,
}

impl std::fmt::Debug for Internal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Internal")
    }
}

impl Internal {
    /// Has somebody wait for the answer to a write; its number. Errors: `BUSY`, or what it was closed with; then nobody is called.
    pub fn expect(&self, answered: Answered) -> Result<u64, Code> {
        let mut waiting = self.waiting.lock();
        if let Some(code) = waiting.closed {
            return Err(code);
        }
        if waiting.answered.len() >= INTERNAL_WAITING_MAX {
            return Err(Code::Busy);
        }
        waiting.last += 1;
        let id = waiting.last;
        waiting.answered.insert(id, answered);
        Ok(id)
    }

    /// Calls who waits for these answers.
    pub fn deliver(&self, responses: &[u8]) {
        for response in Responses::new(responses).flatten() {
            let answered = self.waiting.lock().answered.remove(&response.id);
            if let Some(answered) = answered {
                answered(&response);
            }
        }
    }

    /// No answer comes any more: whoever waits is told why, and so is whoever asks from now on. A write that waited may be done.
    pub fn close(&self, code: Code, text: &str) {
        let answered = {
            let mut waiting = self.waiting.lock();
            waiting.closed.get_or_insert(code);
            std::mem::take(&mut waiting.answered)
        };
        let mut body = Vec::new();
        encode_error(&mut body, 0, text);
        for (id, answered) in answered {
            answered(&Response {
                kind: RequestKind::Write.into(),
                flags: 0,
                code,
                id,
                body: &body,
            });
        }
    }
}
