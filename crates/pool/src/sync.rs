//! What the threads of a pool share memory through: the real thing, or loom's, which tries every order of events.
//! Under loom each ordering can be weakened by name, to see that the models notice.

pub(crate) use std::sync::atomic::Ordering;

#[cfg(loom)]
pub(crate) use loom::{
    cell::UnsafeCell,
    sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, AtomicUsize},
};
#[cfg(not(loom))]
pub(crate) use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, AtomicUsize};

/// Counters and hints decide nothing that must be right, so loom need not branch on them.
pub(crate) type Counter = std::sync::atomic::AtomicU64;

/// A counter that goes down too.
pub(crate) type Balance = std::sync::atomic::AtomicI64;

/// A hint that is there or not.
pub(crate) type Flag = std::sync::atomic::AtomicBool;

/// The steps that hand something from one thread to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A bit is cleared: what its last owner did is seen.
    Claim,
    /// A bit is set: what its owner did is there for the next.
    GiveBack,
    /// A handle goes: what it read was read before the slot is reused.
    Drop,
    /// Somebody finds that theirs is the only handle.
    Alone,
    /// A longer table is announced.
    Announce,
    /// Somebody looks how long a table or a list is.
    Look,
    /// New tables are put into the list of all.
    List,
    /// A thread gets a lane: what the last one did to it is seen.
    Enter,
    /// A thread gives its lane up.
    Leave,
}

/// The ordering of a step.
#[cfg(not(loom))]
pub(crate) const fn ordering(step: Step) -> Ordering {
    step.ordering()
}

impl Step {
    const fn ordering(self) -> Ordering {
        match self {
            Self::Claim | Self::Alone | Self::Look | Self::Enter => Ordering::Acquire,
            Self::GiveBack | Self::Announce | Self::List | Self::Leave => Ordering::Release,
            Self::Drop => Ordering::AcqRel,
        }
    }
}

#[cfg(loom)]
std::thread_local! {
    static WEAK: std::cell::Cell<Option<Step>> = const { std::cell::Cell::new(None) };
}

/// Weakens a step to `Relaxed` for what this thread of the test program runs from now on: its whole model, as loom runs
/// all threads of a model on one.
#[cfg(loom)]
pub fn weaken(step: Option<Step>) {
    WEAK.set(step);
}

#[cfg(loom)]
pub(crate) fn ordering(step: Step) -> Ordering {
    if WEAK.get() == Some(step) {
        Ordering::Relaxed
    } else {
        step.ordering()
    }
}

/// Nothing, or what was leaked to be shared by all: whoever finds it may look at it for good.
#[derive(Debug)]
pub(crate) struct Leaked<T: Sync + 'static>(AtomicPtr<T>);

impl<T: Sync> Leaked<T> {
    #[cfg(not(loom))]
    pub const fn nothing() -> Self {
        Self(AtomicPtr::new(std::ptr::null_mut()))
    }

    #[cfg(loom)]
    pub fn nothing() -> Self {
        Self(AtomicPtr::new(std::ptr::null_mut()))
    }

    #[inline]
    pub fn get(&self) -> Option<&'static T> {
        // SAFETY: null, or one of the shared references below, which are good for ever; what was written before they came here is
        // seen, as whoever looks acquires what is announced or listed.
        unsafe { self.0.load(ordering(Step::Look)).as_ref() }
    }

    /// For others to find in a step that releases.
    pub fn set(&self, leaked: Option<&'static T>, step: Step) {
        self.0.store(address(leaked), ordering(step));
    }

    /// Puts `leaked` in the place of `now`, if that is still there; may fail for no reason.
    pub fn replace(&self, now: Option<&'static T>, leaked: &'static T, step: Step) -> bool {
        let (now, leaked) = (address(now), address(Some(leaked)));
        self.0
            .compare_exchange_weak(now, leaked, ordering(step), Ordering::Relaxed)
            .is_ok()
    }
}

fn address<T>(leaked: Option<&'static T>) -> *mut T {
    leaked.map_or(std::ptr::null_mut(), |leaked| std::ptr::from_ref(leaked).cast_mut())
}

/// `std::cell::UnsafeCell` with loom's way of reaching in.
#[cfg(not(loom))]
#[derive(Debug)]
pub(crate) struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

#[cfg(not(loom))]
impl<T> UnsafeCell<T> {
    pub const fn new(value: T) -> Self {
        Self(std::cell::UnsafeCell::new(value))
    }

    pub fn with<R>(&self, read: impl FnOnce(*const T) -> R) -> R {
        read(self.0.get())
    }

    pub fn with_mut<R>(&self, write: impl FnOnce(*mut T) -> R) -> R {
        write(self.0.get())
    }
}

/// The lock of a pool. `lock` waits: for growing ahead of need, trimming, reading counters, never for taking.
#[cfg(not(loom))]
pub(crate) use parking_lot::{Mutex as Lock, MutexGuard as Guard};

#[cfg(loom)]
pub(crate) use loom::sync::MutexGuard as Guard;

#[cfg(loom)]
#[derive(Debug)]
pub(crate) struct Lock<T>(loom::sync::Mutex<T>);

#[cfg(loom)]
impl<T> Lock<T> {
    pub fn new(value: T) -> Self {
        Self(loom::sync::Mutex::new(value))
    }

    pub fn lock(&self) -> loom::sync::MutexGuard<'_, T> {
        self.0.lock().expect("a model ends with its first panic")
    }

    pub fn try_lock(&self) -> Option<loom::sync::MutexGuard<'_, T>> {
        self.0.try_lock().ok()
    }
}
