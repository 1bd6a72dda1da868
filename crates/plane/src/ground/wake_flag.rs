//! A mark that something is to be looked at: whoever sets it first tells the one who looks, and only once.

use std::sync::atomic::{AtomicBool, Ordering};

/// Whether somebody has been told to look.
#[derive(Debug, Default)]
pub struct WakeFlag(AtomicBool);

impl WakeFlag {
    /// To be called after the change that is to be looked at. True: nobody has been told yet, so tell.
    pub fn set(&self) -> bool {
        !self.0.swap(true, Ordering::AcqRel)
    }

    /// To be called before looking. What was changed before a `set` that told nobody is seen by who looks now.
    ///
    /// A swap, not a store: a store may still be on its way when the look that follows reads, and a change that comes in
    /// between would find the mark set and be seen by nobody.
    pub fn clear(&self) {
        self.0.swap(false, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU64;
    use std::sync::mpsc::channel;
    use std::thread;
    use std::time::{Duration, Instant};

    const CHANGES: u64 = 200_000;

    #[test]
    fn no_change_is_left_unseen_by_a_look_that_begins_beside_it() {
        let (mark, value, seen) = (WakeFlag::default(), AtomicU64::new(0), AtomicU64::new(0));
        let (tell, told) = channel();
        thread::scope(|scope| {
            let (mark, value, seen) = (&mark, &value, &seen);
            scope.spawn(move || {
                for () in told {
                    mark.clear();
                    seen.store(value.load(Ordering::Relaxed), Ordering::Release);
                }
            });
            let note = move || {
                if mark.set() {
                    tell.send(()).expect("somebody looks");
                }
            };
            for change in 1..=CHANGES {
                // A look begins for nothing, and the change comes at any moment of it.
                note();
                (0..change % 500).for_each(|_| std::hint::spin_loop());
                value.store(change, Ordering::Relaxed);
                note();
                let deadline = Instant::now() + Duration::from_secs(10);
                while seen.load(Ordering::Acquire) < change {
                    assert!(Instant::now() < deadline, "change {change} is seen by nobody");
                    std::hint::spin_loop();
                }
            }
        });
    }
}
