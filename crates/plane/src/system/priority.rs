//! Threads that nobody waits for let the others go first. Knows nothing of what they do.

/// How far behind, in steps of `nice`: as far as the store's own threads stand, since a snapshot also has to come to its end.
#[cfg(target_os = "linux")]
const NICE: i32 = 5;

/// The calling thread gives way from now on, where a thread can be asked to.
pub fn give_way() {
    #[cfg(target_os = "linux")]
    // SAFETY: no memory is passed; 0 is the calling thread. A refusal changes nothing.
    unsafe {
        libc::setpriority(libc::PRIO_PROCESS, 0, NICE);
    }
}
