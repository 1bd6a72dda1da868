//! One budget of bytes for all clients' connections together: what was received of frames that are not whole, and answers that wait
//! to be written. While there is room nobody is refused anything, however slowly it reads; once it is short, whoever holds most goes.
//! Knows no sockets. Members have bounds of their own, and are not of it.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::Arc;

use tokio::sync::Notify;

/// What all clients hold together.
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
pub(crate) struct Share {
    /// `None`: it is not counted.
    budget: Option<Arc<Budget>>,
    incoming: AtomicUsize,
    outgoing: AtomicUsize,
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
            is_cut: AtomicBool::new(false),
        })
    }

    /// Bytes held, both ways; 0 once it was cut.
    pub(crate) fn bytes(&self) -> usize {
        if self.is_cut.load(Ordering::Relaxed) {
            return 0;
        }
        self.incoming.load(Ordering::Relaxed) + self.outgoing.load(Ordering::Relaxed)
    }

    /// Marks it as cut.
    pub(crate) fn cut(&self) {
        self.is_cut.store(true, Ordering::Relaxed);
    }

    /// So many bytes are held for what arrives.
    pub(crate) fn set_incoming(&self, bytes: usize) {
        self.set(&self.incoming, bytes);
    }

    /// So many bytes wait to be written. The caller has a lock around it.
    pub(crate) fn set_outgoing(&self, bytes: usize) {
        self.set(&self.outgoing, bytes);
    }

    fn set(&self, part: &AtomicUsize, bytes: usize) {
        let before = part.swap(bytes, Ordering::Relaxed);
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
        two.cut();
        assert_eq!((one.bytes(), two.bytes()), (60, 0));
        drop(two);
        one.set_incoming(10);
        Share::uncounted().set_incoming(1000);
        assert_eq!((budget.used(), budget.excess()), (10, 0));
    }
}
