//! The clock of a thread. A look at it is a call of the system, which may take a microsecond.

use std::time::Duration;

/// The time that this thread has had a processor; `None` where the system is not asked.
#[cfg(target_os = "linux")]
pub(crate) fn thread_time() -> Option<Duration> {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the time is there to be written.
    let failed = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    (failed == 0).then(|| Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32))
}

#[cfg(not(target_os = "linux"))]
pub(crate) const fn thread_time() -> Option<Duration> {
    None
}
