//! How far the receiver of a snapshot is, as its answers say. Knows nothing of what is sent.

use std::io;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use rafterdb_codec::SnapshotState;

/// How far the receiver of a snapshot is.
struct Progress {
    acked: u64,
    state: SnapshotState,
    /// Answers so far: each is a sign of life, whatever it says.
    answers: u64,
}

/// A snapshot that is being sent.
pub struct Outgoing {
    /// To whom.
    pub peer: u64,
    progress: Mutex<Progress>,
    moved: Condvar,
}

impl Outgoing {
    /// One that begins.
    #[must_use]
    pub fn new(peer: u64) -> Self {
        Self {
            peer,
            progress: Mutex::new(Progress {
                acked: 0,
                state: SnapshotState::More,
                answers: 0,
            }),
            moved: Condvar::new(),
        }
    }

    /// The receiver has answered.
    pub fn answered(&self, acked: u64, said: SnapshotState) {
        let mut progress = self.progress.lock();
        // An answer may be read after the loss of its sender was told: what has ended stays so.
        if progress.state == SnapshotState::More {
            progress.acked = acked;
            progress.state = said;
            progress.answers += 1;
        }
        drop(progress);
        self.moved.notify_all();
    }

    /// No answer will come.
    pub fn give_up(&self) {
        self.progress.lock().state = SnapshotState::Failed;
        self.moved.notify_all();
    }

    /// Waits until so many bytes are acknowledged; `None`: until all is installed. True when it is installed, whatever was waited
    /// for: the receiver may have this state already. Fails when the receiver does, or says nothing for `silence_max`.
    pub fn wait(&self, acked: Option<u64>, silence_max: Duration) -> io::Result<bool> {
        let mut progress = self.progress.lock();
        let (mut answers, mut heard) = (progress.answers, Instant::now());
        loop {
            match progress.state {
                SnapshotState::More => {}
                SnapshotState::Installed => return Ok(true),
                SnapshotState::Failed => return Err(io::ErrorKind::BrokenPipe.into()),
            }
            if acked.is_some_and(|acked| progress.acked >= acked) {
                return Ok(false);
            }
            let silent = self.moved.wait_until(&mut progress, heard + silence_max).timed_out();
            if progress.answers != answers {
                (answers, heard) = (progress.answers, Instant::now());
            } else if silent && progress.state == SnapshotState::More {
                return Err(io::ErrorKind::TimedOut.into());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    const SILENCE: Duration = Duration::from_millis(300);

    #[test]
    fn a_receiver_that_installs_for_longer_than_the_silence_allows_is_waited_for() {
        let outgoing = Arc::new(Outgoing::new(1));
        let receiver = outgoing.clone();
        let installing = std::thread::spawn(move || {
            for _ in 0..10 {
                std::thread::sleep(SILENCE / 3);
                // All was received long ago: what it says is not new, that it says something is.
                receiver.answered(100, SnapshotState::More);
            }
            receiver.answered(100, SnapshotState::Installed);
        });
        assert!(outgoing.wait(None, SILENCE).unwrap());
        installing.join().unwrap();
    }

    #[test]
    fn a_receiver_that_is_gone_is_noticed() {
        let outgoing = Outgoing::new(1);
        outgoing.answered(100, SnapshotState::More);
        assert!(!outgoing.wait(Some(100), SILENCE).unwrap());
        let began = Instant::now();
        assert_eq!(
            outgoing.wait(Some(101), SILENCE).unwrap_err().kind(),
            io::ErrorKind::TimedOut
        );
        assert!(began.elapsed() >= SILENCE);
        outgoing.give_up();
        outgoing.answered(200, SnapshotState::Installed);
        assert_eq!(
            outgoing.wait(None, SILENCE).unwrap_err().kind(),
            io::ErrorKind::BrokenPipe
        );
    }
}
