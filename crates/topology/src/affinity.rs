//! On which CPUs a thread may run. Threads that it starts inherit that. On systems other than Linux nothing is bound, and the
//! answer says so.

use std::io;

use crate::cpu_list::format_cpus;

/// Whether a thread is bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pinned {
    /// It runs on the given CPUs only.
    Yes,
    /// It runs wherever it ran before, for this reason.
    No(&'static str),
}

/// Why a thread was not bound. It runs wherever it ran before.
#[derive(Debug, thiserror::Error)]
pub enum AffinityError {
    /// No CPU was given.
    #[error("the list of CPUs is empty: name at least one")]
    Empty,
    /// A CPU is not there, or not online.
    #[error("CPU {cpu} does not exist or is not online; this machine has CPUs {online}")]
    NoSuchCpu {
        /// The first such one.
        cpu: u32,
        /// Those that are.
        online: String,
    },
    /// The CPUs are there, but not for this process.
    #[error("CPUs {forbidden} are not for this process: its cpuset (of a container or a service) leaves it others")]
    Forbidden {
        /// Those that are not.
        forbidden: String,
    },
    /// The system refused for another reason.
    #[error("the system does not bind the thread: {0}")]
    System(#[from] io::Error),
}

/// Lets the calling thread, and the threads that it will start, run on these CPUs only. On systems other than Linux it does
/// nothing and says so.
///
/// # Errors
/// An empty list, a CPU that does not exist, one that is not for this process; then nothing has changed.
pub fn pin_current_thread(cpus: &[u32]) -> Result<Pinned, AffinityError> {
    if cpus.is_empty() {
        return Err(AffinityError::Empty);
    }
    system::pin(cpus)
}

/// The CPUs on which the calling thread may run. On systems other than Linux: `0` to the number of CPUs that this process may
/// use.
///
/// # Errors
/// The system does not say.
pub fn allowed_cpus() -> Result<Vec<u32>, AffinityError> {
    Ok(system::cpus_of(system::THIS_THREAD)?)
}

/// The CPUs on which this process may run: those of its first thread.
pub(crate) fn process_cpus() -> Vec<u32> {
    system::cpus_of(system::first_thread()).unwrap_or_else(|_| counted_cpus())
}

/// As many CPUs as the standard library counts.
fn counted_cpus() -> Vec<u32> {
    let count = std::thread::available_parallelism().map_or(1, usize::from);
    (0..u32::try_from(count).unwrap_or(1)).collect()
}

fn exist(cpus: &[u32], online: &[u32]) -> Result<(), AffinityError> {
    match cpus.iter().find(|cpu| !online.contains(cpu)) {
        Some(cpu) => Err(AffinityError::NoSuchCpu {
            cpu: *cpu,
            online: format_cpus(online),
        }),
        None => Ok(()),
    }
}

#[cfg(target_os = "linux")]
mod system {
    use std::path::Path;

    use super::{exist, format_cpus, io, AffinityError, Pinned};
    use crate::cpu_list::CPU_MAX;
    use crate::files;

    pub const THIS_THREAD: libc::pid_t = 0;
    const WORD_BITS: usize = usize::BITS as usize;

    pub fn first_thread() -> libc::pid_t {
        std::process::id().try_into().unwrap_or(THIS_THREAD)
    }

    pub fn pin(cpus: &[u32]) -> Result<Pinned, AffinityError> {
        let online =
            files::cpus(Path::new("/sys/devices/system/cpu/online")).unwrap_or_else(|| (0..=CPU_MAX).collect());
        exist(cpus, &online)?;

        let before = cpus_of(THIS_THREAD)?;
        let forbidden = match set(cpus) {
            // The kernel leaves out CPUs of which the cpuset has none, and refuses when nothing is left.
            Ok(()) => {
                let now = cpus_of(THIS_THREAD)?;
                cpus.iter().copied().filter(|cpu| !now.contains(cpu)).collect()
            }
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => cpus.to_vec(),
            Err(error) => return Err(error.into()),
        };
        if forbidden.is_empty() {
            return Ok(Pinned::Yes);
        }
        set(&before)?;
        Err(AffinityError::Forbidden {
            forbidden: format_cpus(&forbidden),
        })
    }

    fn set(cpus: &[u32]) -> io::Result<()> {
        let words = cpus.iter().max().map_or(1, |cpu| *cpu as usize / WORD_BITS + 1);
        let mut mask = vec![0_usize; words];
        for cpu in cpus {
            mask[*cpu as usize / WORD_BITS] |= 1 << (*cpu as usize % WORD_BITS);
        }
        // SAFETY: the kernel reads as many bytes as it is told, and those are the mask's.
        let code = unsafe { libc::sched_setaffinity(THIS_THREAD, size_of_val(&mask[..]), mask.as_ptr().cast()) };
        if code == 0 {
            Ok(())
        } else {
            Err(io::Error::last_os_error())
        }
    }

    pub fn cpus_of(thread: libc::pid_t) -> io::Result<Vec<u32>> {
        // The kernel refuses a mask that is shorter than its own, whose length it does not tell.
        let mut mask = vec![0_usize; 1024 / WORD_BITS];
        loop {
            // SAFETY: the kernel writes at most as many bytes as it is told, and those are the mask's.
            let code = unsafe { libc::sched_getaffinity(thread, size_of_val(&mask[..]), mask.as_mut_ptr().cast()) };
            if code == 0 {
                break;
            }
            let error = io::Error::last_os_error();
            if error.kind() != io::ErrorKind::InvalidInput || mask.len() * WORD_BITS > CPU_MAX as usize {
                return Err(error);
            }
            mask.resize(mask.len() * 2, 0);
        }
        let bits = (0..=CPU_MAX).take(mask.len() * WORD_BITS);
        Ok(bits
            .filter(|cpu| mask[*cpu as usize / WORD_BITS] >> (*cpu as usize % WORD_BITS) & 1 == 1)
            .collect())
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use super::{counted_cpus, exist, io, AffinityError, Pinned};

    pub const THIS_THREAD: u32 = 0;

    pub const fn first_thread() -> u32 {
        THIS_THREAD
    }

    pub fn pin(cpus: &[u32]) -> Result<Pinned, AffinityError> {
        exist(cpus, &counted_cpus())?;
        Ok(Pinned::No("this operating system does not bind threads to CPUs"))
    }

    pub fn cpus_of(_: u32) -> io::Result<Vec<u32>> {
        Ok(counted_cpus())
    }
}
