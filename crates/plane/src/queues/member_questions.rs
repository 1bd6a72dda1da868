//! Who waits to hear of other members, or of another leader, and which groups have them. Knows nothing of what is told.

use std::collections::{BTreeSet, HashMap};

use parking_lot::{Condvar, Mutex};
use rafterdb_codec::KnownMembers;
use rafterdb_net::Held;

use crate::askers::asker::Waiter;

/// What a question takes while it waits, bytes, rounded up.
const QUESTION_HELD_BYTES: usize = 256;

/// Of the members of a group.
pub struct Question {
    /// Who is told.
    pub waiter: Waiter,
    /// What it knows.
    pub known: KnownMembers,
    _held: Option<Held>,
}

impl Question {
    /// A question that waits. What it takes is held for its asker.
    #[must_use]
    pub fn new(waiter: Waiter, known: KnownMembers) -> Self {
        let held = waiter.asker.hold(QUESTION_HELD_BYTES);
        Self {
            waiter,
            known,
            _held: held,
        }
    }
}

#[derive(Default)]
struct Waiting {
    /// By group and the number of the asker: at most one each.
    questions: HashMap<u16, HashMap<u64, Question>>,
    /// Groups of which there may be news.
    changed: BTreeSet<u16>,
    closing: bool,
}

/// Questions that wait. Bounded by the askers: each has one about each group.
#[derive(Default)]
pub struct MemberQuestions {
    waiting: Mutex<Waiting>,
    arrived: Condvar,
}

impl MemberQuestions {
    /// Has a question wait; gives back the one in whose place it comes, as its asker had one about that group.
    pub fn push(&self, group: u16, question: Question) -> Option<Question> {
        let asker = question.waiter.asker.number();
        let mut waiting = self.waiting.lock();
        waiting.questions.entry(group).or_default().insert(asker, question)
    }

    /// There may be news of a group: whoever waits for some is told by the thread. Call it after what has changed.
    pub fn changed(&self, group: u16) {
        self.waiting.lock().changed.insert(group);
        self.arrived.notify_one();
    }

    /// Takes the questions about a group to which this is news.
    pub fn take(&self, group: u16, now: &KnownMembers) -> Vec<Question> {
        let mut waiting = self.waiting.lock();
        let of_group = waiting.questions.get_mut(&group);
        of_group.map_or_else(Vec::new, |questions| {
            let told = questions.extract_if(|_, question| now.is_news_to(&question.known));
            told.map(|(_, question)| question).collect()
        })
    }

    /// An asker is gone.
    pub fn close_asker(&self, number: u64) {
        for questions in self.waiting.lock().questions.values_mut() {
            questions.remove(&number);
        }
    }

    /// How many wait.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.waiting.lock().questions.values().map(HashMap::len).sum()
    }

    /// Groups of which there may be news, without waiting for any.
    #[cfg(test)]
    pub fn changed_now(&self) -> BTreeSet<u16> {
        std::mem::take(&mut self.waiting.lock().changed)
    }

    /// Lets the thread end.
    pub fn close(&self) {
        self.waiting.lock().closing = true;
        self.arrived.notify_all();
    }

    /// Waits for groups of which there may be news; `None` when closed.
    pub fn next(&self) -> Option<BTreeSet<u16>> {
        let mut waiting = self.waiting.lock();
        while waiting.changed.is_empty() && !waiting.closing {
            self.arrived.wait(&mut waiting);
        }
        (!waiting.closing).then(|| std::mem::take(&mut waiting.changed))
    }
}
