//! One budget of bytes for all clients' connections together: what was received of frames that are not whole, answers that wait to
//! be written, and what the owner of the requests holds for them: reads that wait, watches. While there is room nobody is refused
//! anything, however slowly it reads; once it is short, whoever holds most goes. Knows no sockets. Members have bounds of their own.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::Arc;

use tokio::sync::Notify;

/// What all clients hold together.
#[derive(Debug)]
pub(crate) struct Budget {
    bytes_max: usize,
    used: AtomicUsize,
    short: Notify,
}

impl Budget {
    pub(crate) fn new(bytes_max: usize) -> Arc<Self> {
        Arc::new(Self {
            bytes_max,
            used: AtomicUsize::new(0),
            short: Notify::new(),
        })
    }

    /// Bytes in use.
    pub(crate) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// How many bytes must go; 0: there is room.
    pub(crate) fn excess(&self) -> usize {
        self.used().saturating_sub(self.bytes_max)
    }

    /// Returns once more is in use than there may be, perhaps a moment ago.
    pub(crate) async fn is_short(&self) {
        self.short.notified().await;
    }

    fn add(&self, bytes: usize) {
        let before = self.used.fetch_add(bytes, Ordering::Relaxed);
        // Told with every addition while it is short: whoever relieves it may have looked before this one.
        if before + bytes > self.bytes_max {
            self.short.notify_one();
        }
    }

    fn subtract(&self, bytes: usize) {
        let before = self.used.fetch_sub(bytes, Ordering::Relaxed);
        assert!(before >= bytes, "budget: {bytes} of {before} bytes given back");
    }
}

/// What one connection holds of the budget; given back with it.
#[derive(Debug)]
pub(crate) struct Share {
    /// `None`: it is not counted.
    budget: Option<Arc<Budget>>,
    incoming: AtomicUsize,
    outgoing: AtomicUsize,
    /// What its requests hold elsewhere.
    requests: AtomicUsize,
    /// It was told to go: what it still holds is as good as gone.
    is_cut: AtomicBool,
}

impl Share {
    /// The share of a client's connection.
    pub(crate) fn of(budget: &Arc<Budget>) -> Arc<Self> {
        Self::new(Some(budget.clone()))
    }

    /// Of a connection that has bounds of its own.
    pub(crate) fn uncounted() -> Arc<Self> {
        Self::new(None)
    }

    fn new(budget: Option<Arc<Budget>>) -> Arc<Self> {
        Arc::new(Self {
            budget,
            incoming: AtomicUsize::new(0),
            outgoing: AtomicUsize::new(0),
            requests: AtomicUsize::new(0),
            is_cut: AtomicBool::new(false),
        })
    }

    /// Bytes held, both ways and by its requests; 0 once it was cut.
    pub(crate) fn bytes(&self) -> usize {
        if self.is_cut() {
            return 0;
        }
        let parts = [&self.incoming, &self.outgoing, &self.requests];
        parts.map(|part| part.load(Ordering::Relaxed)).iter().sum()
    }

    /// Bytes that wait to be written.
    pub(crate) fn outgoing(&self) -> usize {
        self.outgoing.load(Ordering::Relaxed)
    }

    fn is_cut(&self) -> bool {
        self.is_cut.load(Ordering::Relaxed)
    }

    /// Marks it as cut. Whether it was not yet.
    pub(crate) fn cut(&self) -> bool {
        !self.is_cut.swap(true, Ordering::Relaxed)
    }

    /// So many bytes are held for what arrives.
    pub(crate) fn set_incoming(&self, bytes: usize) {
        self.set(&self.incoming, bytes);
    }

    /// So many bytes wait to be written. The caller has a lock around it.
    pub(crate) fn set_outgoing(&self, bytes: usize) {
        self.set(&self.outgoing, bytes);
    }

    /// Its requests hold so many bytes instead of so many.
    fn change_requests(&self, before: usize, bytes: usize) {
        if bytes > before {
            self.requests.fetch_add(bytes - before, Ordering::Relaxed);
        } else {
            self.requests.fetch_sub(before - bytes, Ordering::Relaxed);
        }
        self.tell(before, bytes);
    }

    fn set(&self, part: &AtomicUsize, bytes: usize) {
        self.tell(part.swap(bytes, Ordering::Relaxed), bytes);
    }

    fn tell(&self, before: usize, bytes: usize) {
        match &self.budget {
            Some(budget) if bytes > before => budget.add(bytes - before),
            Some(budget) if bytes < before => budget.subtract(before - bytes),
            _ => {}
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.set_incoming(0);
        self.set_outgoing(0);
    }
}

/// A client's connection: its number, and what it holds of the budget.
#[derive(Clone, Debug)]
pub struct Client {
    id: u64,
    share: Arc<Share>,
}

impl Client {
    pub(crate) const fn new(id: u64, share: Arc<Share>) -> Self {
        Self { id, share }
    }

    /// One whose connection is gone, or never was: what it holds is of no budget.
    #[must_use]
    pub fn gone(id: u64) -> Self {
        Self::new(id, Share::uncounted())
    }

    /// Number of the connection, never used again.
    #[must_use]
    pub const fn id(&self) -> u64 {
        self.id
    }

    pub(crate) fn share(&self) -> &Share {
        &self.share
    }

    /// Whether it was told to go, since all hold too much: nothing that is done for it is heard.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.share.is_cut()
    }

    /// Counts so many bytes as held for this client, until the value is dropped.
    #[must_use]
    pub fn hold(&self, bytes: usize) -> Held {
        self.share.change_requests(0, bytes);
        Held {
            share: self.share.clone(),
            bytes,
        }
    }
}

/// Bytes that are held for a client, given back with the value.
#[derive(Debug)]
pub struct Held {
    share: Arc<Share>,
    bytes: usize,
}

impl Held {
    /// From here on it is so many.
    pub fn set(&mut self, bytes: usize) {
        self.share
            .change_requests(std::mem::replace(&mut self.bytes, bytes), bytes);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.set(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_is_counted_once_and_given_back_with_the_connection() {
        let budget = Budget::new(100);
        let (one, two) = (Share::of(&budget), Share::of(&budget));
        one.set_incoming(60);
        two.set_outgoing(30);
        two.set_outgoing(50);
        assert_eq!((budget.used(), budget.excess()), (110, 10));
        assert!(two.cut() && !two.cut());
        assert_eq!((one.bytes(), two.bytes()), (60, 0));
        drop(two);
        one.set_incoming(10);
        Share::uncounted().set_incoming(1000);
        assert_eq!((budget.used(), budget.excess()), (10, 0));
        let mut held = Client::new(7, one.clone()).hold(50);
        held.set(70);
        assert_eq!((one.bytes(), budget.used()), (80, 80));
        // What it asked for may outlive the connection.
        one.set_incoming(0);
        drop(one);
        assert_eq!(budget.used(), 70);
        drop(held);
        assert_eq!(budget.used(), 0);
    }
}
