//! How many file descriptors a process may have, and what part of them connections get. Knows nothing of who holds them.

/// Of all descriptors a quarter is not for connections: log, tables, history and the app need some too.
const FILES_SHARE: usize = 4;

/// Connections that are taken at most, so that files are not short of descriptors; `wanted` if that is fewer.
#[must_use]
pub fn connections_max(wanted: usize) -> usize {
    descriptors_max().map_or(wanted, |most| wanted.min(most - most / FILES_SHARE))
}

/// The limit of this process; `None` where there is none. Node raises it as far as it may when it starts.
#[cfg(unix)]
fn descriptors_max() -> Option<usize> {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: there is room for the answer.
    let answered = unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) } == 0;
    (answered && limit.rlim_cur != libc::RLIM_INFINITY).then(|| usize::try_from(limit.rlim_cur).unwrap_or(usize::MAX))
}

#[cfg(not(unix))]
fn descriptors_max() -> Option<usize> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_a_quarter_to_files() {
        assert_eq!(connections_max(1), 1);
        if let Some(most) = descriptors_max() {
            let connections = connections_max(usize::MAX);
            assert!(connections < most && connections >= most / 2, "{connections} of {most}");
        }
    }
}
