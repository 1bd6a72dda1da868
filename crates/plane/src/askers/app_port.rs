//! A port: an app's end of the plane in this process. Responses gather here until the app's thread drains them.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::{Mutex, RwLock};
use rafterdb_codec::{first_response_bytes, whole_responses, Principal};

use crate::askers::principal::KeptPrincipal;
use crate::ground::wake_flag::WakeFlag;

/// Tells the app's thread that responses wait. Called from any thread; must not block.
pub type Notify = Box<dyn Fn() + Send + Sync>;

/// Responses for one opener of a member.
pub struct Port {
    id: u64,
    principal: KeptPrincipal,
    ready: Mutex<Ready>,
    notified: WakeFlag,
    /// None once closed: what it calls may refer to whoever holds this port, and then neither would ever go.
    notify: RwLock<Option<Notify>>,
    closed: AtomicBool,
    /// There is room again, and who wanted it has not been told.
    gains_room: AtomicBool,
}

/// With more bytes than this waiting, watches are held up.
const PAUSE_BYTES: usize = 4 << 20;

#[derive(Default)]
struct Ready {
    bytes: Vec<u8>,
    taken: usize,
    is_room_wanted: bool,
}

impl std::fmt::Debug for Port {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Port")
    }
}

impl Port {
    /// A port for whoever this is, that calls `notify` when its first undrained response arrives.
    #[must_use]
    pub fn new(principal: Principal<'_>, notify: Notify) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        Self {
            id,
            principal: principal.into(),
            ready: Mutex::default(),
            notified: WakeFlag::default(),
            notify: RwLock::new(Some(notify)),
            closed: AtomicBool::new(false),
            gains_room: AtomicBool::new(false),
        }
    }

    /// A number no other port of this process has.
    #[must_use]
    pub const fn id(&self) -> u64 {
        self.id
    }

    /// Who is behind what is asked through it.
    #[must_use]
    pub fn principal(&self) -> Principal<'_> {
        self.principal.get()
    }

    /// Adds whole responses.
    pub fn deliver(&self, responses: &[u8]) {
        if self.closed.load(Ordering::Acquire) {
            return;
        }
        {
            let mut ready = self.ready.lock();
            // Under the lock, so that nothing is added after a close has let go of what was there.
            if self.closed.load(Ordering::Relaxed) {
                return;
            }
            ready.bytes.extend_from_slice(responses);
        }
        if self.notified.set() {
            if let Some(notify) = &*self.notify.read() {
                notify();
            }
        }
    }

    /// Copies whole responses into `into`. Returns the bytes copied; 0 if none wait; −n if the first needs n bytes.
    pub fn drain(&self, into: &mut [u8]) -> i64 {
        // Cleared first: what arrives from now on notifies again, so nothing waits unseen.
        self.notified.clear();
        let mut ready = self.ready.lock();
        let waiting = &ready.bytes[ready.taken..];
        if waiting.is_empty() {
            return 0;
        }
        let fits = whole_responses(waiting, into.len());
        if fits == 0 {
            return -(i64::try_from(first_response_bytes(waiting)).unwrap_or(i64::MAX));
        }
        into[..fits].copy_from_slice(&waiting[..fits]);
        ready.taken += fits;
        if ready.taken == ready.bytes.len() {
            ready.taken = 0;
            ready.bytes.clear();
            ready.bytes.shrink_to(DRAINED_CAPACITY_MAX);
        }
        if ready.is_room_wanted && ready.bytes.len() - ready.taken <= PAUSE_BYTES / 2 {
            ready.is_room_wanted = false;
            self.gains_room.store(true, Ordering::Relaxed);
        }
        i64::try_from(fits).unwrap_or(i64::MAX)
    }

    /// Whether so little waits that more may be made for this port. If not, `gains_room` says once there is.
    #[must_use]
    pub fn has_room(&self) -> bool {
        let mut ready = self.ready.lock();
        let has_room = ready.bytes.len() - ready.taken <= PAUSE_BYTES;
        ready.is_room_wanted |= !has_room;
        has_room
    }

    /// After a drain: whether there is room now for who was told that there is none. Says so once.
    #[must_use]
    pub fn gains_room(&self) -> bool {
        self.gains_room.load(Ordering::Relaxed) && self.gains_room.swap(false, Ordering::Relaxed)
    }

    /// Whether nothing is delivered any more.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Nothing is delivered any more; what waits, and what was to be called, is let go.
    pub fn close(&self) {
        {
            let mut ready = self.ready.lock();
            self.closed.store(true, Ordering::Release);
            *ready = Ready::default();
        }
        let notify = self.notify.write().take();
        // Not under the lock: what it drops is not this file's.
        drop(notify);
    }
}

/// Bytes of buffer kept by an idle port.
const DRAINED_CAPACITY_MAX: usize = 4 << 20;

#[cfg(test)]
mod tests {
    use rafterdb_codec::{Code, RequestKind};

    use super::*;
    use crate::askers::deliveries::write_response;
    use std::sync::atomic::AtomicUsize;
    use std::sync::Arc;

    fn response(body: usize) -> Vec<u8> {
        let mut out = Vec::new();
        write_response(&mut out, RequestKind::Read, 0, Code::Ok, 7, &vec![7; body]);
        out
    }

    #[test]
    fn responses_are_never_split_and_one_notification_covers_many() {
        let count = Arc::new(AtomicUsize::new(0));
        let seen = count.clone();
        let port = Port::new(
            Principal::ANONYMOUS,
            Box::new(move || {
                seen.fetch_add(1, Ordering::Relaxed);
            }),
        );
        port.deliver(&response(4));
        port.deliver(&response(100));
        assert_eq!(count.load(Ordering::Relaxed), 1);
        let mut small = [0; 30];
        assert_eq!(port.drain(&mut small), 20);
        assert_eq!(port.drain(&mut small), -116);
        let mut large = [0; 200];
        assert_eq!(port.drain(&mut large), 116);
        assert_eq!(port.drain(&mut large), 0);
        port.deliver(&response(1));
        assert_eq!(count.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn a_port_that_was_full_has_room_once_half_is_taken_and_says_so_once() {
        let port = Port::new(Principal::ANONYMOUS, Box::new(|| {}));
        let mut into = vec![0; 1 << 20];
        let body = (1 << 20) - 16;
        (0..4).for_each(|_| port.deliver(&response(body)));
        assert!(port.has_room(), "four MiB may wait");
        port.drain(&mut into);
        (0..2).for_each(|_| port.deliver(&response(body)));
        assert!(!port.has_room());
        let gains: Vec<bool> = (0..5)
            .map(|_| {
                assert_eq!(port.drain(&mut into), 1 << 20);
                port.gains_room()
            })
            .collect();
        assert_eq!(gains, [false, false, true, false, false]);
    }

    #[test]
    fn a_closed_port_keeps_nothing() {
        let called = Arc::new(());
        let held = called.clone();
        let port = Port::new(Principal::ANONYMOUS, Box::new(move || drop(held.clone())));
        port.deliver(&response(1 << 20));
        assert_eq!(Arc::strong_count(&called), 2);
        port.close();
        port.deliver(&response(4));
        assert_eq!(Arc::strong_count(&called), 1, "what it called is let go");
        assert_eq!(port.ready.lock().bytes.capacity(), 0);
        assert_eq!(port.drain(&mut [0; 32]), 0);
    }
}
