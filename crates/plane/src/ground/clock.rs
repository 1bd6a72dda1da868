//! The member's clock: milliseconds, never goes back, runs on while the process is stopped or the machine sleeps.

/// Milliseconds since some fixed moment of this machine's run.
#[cfg(target_os = "linux")]
#[must_use]
#[allow(clippy::cast_precision_loss, reason = "milliseconds since boot are far below 2^53")]
pub fn now_ms() -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid timespec to write to, and the clock exists on every Linux since 2.6.39.
    unsafe { libc::clock_gettime(libc::CLOCK_BOOTTIME, &raw mut time) };
    time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
}

/// Milliseconds since the first call.
#[cfg(not(target_os = "linux"))]
#[must_use]
pub fn now_ms() -> f64 {
    use std::sync::OnceLock;
    use std::time::Instant;
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_secs_f64() * 1e3
}
