//! One snapshot that is sent: how far its receiver is, as its answers say, and whether the connection to it stands. Knows nothing of
//! what is sent.

use std::io;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, MutexGuard};
use rafterdb_codec::SnapshotState;

/// How far the receiver of a snapshot is.
struct Progress {
    acked: u64,
    /// `More` until it has ended, whatever else the receiver says.
    state: SnapshotState,
    /// Answers so far: each is a sign of life, whatever it says.
    answers: u64,
    /// Up to which revision the receiver has all, as its first answer says; 0: it wants all.
    base: u64,
    /// Whether the connection stands.
    is_up: bool,
    /// How often it was lost.
    losses: u64,
    /// From where the receiver wants to go on; `None`: it has not answered that yet.
    resumed: Option<u64>,
}

/// What a wait for the receiver has ended with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// What was waited for.
    Reached,
    /// The receiver has this state, whatever was waited for.
    Installed,
    /// The connection was lost since it was last looked at.
    Lost,
}

/// A snapshot that is being sent.
pub struct Outgoing {
    /// Of which group.
    pub group: u16,
    /// To whom.
    pub peer: u64,
    progress: Mutex<Progress>,
    moved: Condvar,
}

impl Outgoing {
    /// One that begins, over a connection that stands.
    #[must_use]
    pub fn new(group: u16, peer: u64) -> Self {
        Self {
            group,
            peer,
            progress: Mutex::new(Progress {
                acked: 0,
                state: SnapshotState::More,
                answers: 0,
                base: 0,
                is_up: true,
                losses: 0,
                resumed: None,
            }),
            moved: Condvar::new(),
        }
    }

    /// The receiver has answered. `base`: up to which revision it says it has all; 0: it says nothing of that.
    pub fn answered(&self, received: u64, said: SnapshotState, base: u64) {
        let mut progress = self.progress.lock();
        // An answer may be read after its sender was given up: what has ended stays so.
        if progress.state == SnapshotState::More {
            if progress.answers == 0 {
                progress.base = base;
            }
            progress.answers += 1;
            match said {
                SnapshotState::More => progress.acked = progress.acked.max(received),
                SnapshotState::Resumed => progress.resumed = Some(received),
                SnapshotState::Installed | SnapshotState::Failed => progress.state = said,
            }
        }
        drop(progress);
        self.moved.notify_all();
    }

    /// No answer will come.
    pub fn give_up(&self) {
        self.progress.lock().state = SnapshotState::Failed;
        self.moved.notify_all();
    }

    /// The connection was lost, and records and answers with it.
    pub fn lost(&self) {
        let mut progress = self.progress.lock();
        progress.is_up = false;
        progress.losses += 1;
        drop(progress);
        self.moved.notify_all();
    }

    /// There is a connection again.
    pub fn connected(&self) {
        self.progress.lock().is_up = true;
        self.moved.notify_all();
    }

    /// Waits for the first answer. Up to which revision the receiver has all; 0: it wants all, or has not answered.
    pub fn base(&self, silence_max: Duration) -> u64 {
        match self.wait_for(0, silence_max, |progress| progress.answers > 0) {
            Ok((Heard::Reached, progress)) => progress.base,
            // Whoever goes on hears of that.
            Ok((Heard::Installed | Heard::Lost, _)) | Err(_) => 0,
        }
    }

    /// Bytes that are acknowledged.
    #[must_use]
    pub fn acked(&self) -> u64 {
        self.progress.lock().acked
    }

    /// Waits until so many bytes are acknowledged; `None`: until all is installed. `losses`: of the connection, as far as they are dealt
    /// with. Fails when the receiver does, or says nothing for `silence_max`.
    pub fn wait(&self, acked: Option<u64>, losses: u64, silence_max: Duration) -> io::Result<Heard> {
        let reached = |progress: &Progress| acked.is_some_and(|acked| progress.acked >= acked);
        self.wait_for(losses, silence_max, reached).map(|(heard, _)| heard)
    }

    /// Waits until there is another connection than the one before the losses that are dealt with. Returns how often it was lost by
    /// now. Fails when the snapshot is given up, or at `until`.
    pub fn reconnected(&self, losses: u64, until: Instant) -> io::Result<u64> {
        let mut progress = self.progress.lock();
        loop {
            if progress.state == SnapshotState::Failed {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            if progress.is_up && progress.losses != losses {
                return Ok(progress.losses);
            }
            if self.moved.wait_until(&mut progress, until).timed_out() {
                return Err(io::ErrorKind::TimedOut.into());
            }
        }
    }

    /// The receiver is about to be asked from where it goes on: what it said earlier does not count.
    pub fn forget_resumed(&self) {
        self.progress.lock().resumed = None;
    }

    /// Waits for the receiver to say from where it goes on. Fails as [`Self::wait`] does.
    pub fn resumed(&self, losses: u64, silence_max: Duration) -> io::Result<(Heard, u64)> {
        let (heard, progress) = self.wait_for(losses, silence_max, |progress| progress.resumed.is_some())?;
        Ok((heard, progress.resumed.unwrap_or(0)))
    }

    /// Waits until then, unless it ends before.
    pub fn pause(&self, until: Instant) {
        let mut progress = self.progress.lock();
        while progress.state == SnapshotState::More && !self.moved.wait_until(&mut progress, until).timed_out() {}
    }

    fn wait_for(
        &self,
        losses: u64,
        silence_max: Duration,
        reached: impl Fn(&Progress) -> bool,
    ) -> io::Result<(Heard, MutexGuard<'_, Progress>)> {
        let mut progress = self.progress.lock();
        let (mut answers, mut heard) = (progress.answers, Instant::now());
        loop {
            match progress.state {
                SnapshotState::Installed => return Ok((Heard::Installed, progress)),
                SnapshotState::Failed => return Err(io::ErrorKind::BrokenPipe.into()),
                SnapshotState::More | SnapshotState::Resumed => {}
            }
            if progress.losses != losses {
                return Ok((Heard::Lost, progress));
            }
            if reached(&progress) {
                return Ok((Heard::Reached, progress));
            }
            let silent = self.moved.wait_until(&mut progress, heard + silence_max).timed_out();
            if progress.answers != answers {
                (answers, heard) = (progress.answers, Instant::now());
            } else if silent && progress.state == SnapshotState::More && progress.losses == losses {
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
        let outgoing = Arc::new(Outgoing::new(0, 1));
        let receiver = outgoing.clone();
        let installing = std::thread::spawn(move || {
            for _ in 0..10 {
                std::thread::sleep(SILENCE / 3);
                // All was received long ago: what it says is not new, that it says something is.
                receiver.answered(100, SnapshotState::More, 0);
            }
            receiver.answered(100, SnapshotState::Installed, 0);
        });
        assert_eq!(outgoing.wait(None, 0, SILENCE).unwrap(), Heard::Installed);
        installing.join().unwrap();
    }

    #[test]
    fn a_receiver_that_is_gone_is_noticed() {
        let outgoing = Outgoing::new(0, 1);
        outgoing.answered(100, SnapshotState::More, 0);
        assert_eq!(outgoing.wait(Some(100), 0, SILENCE).unwrap(), Heard::Reached);
        let began = Instant::now();
        assert_eq!(
            outgoing.wait(Some(101), 0, SILENCE).unwrap_err().kind(),
            io::ErrorKind::TimedOut
        );
        assert!(began.elapsed() >= SILENCE);
        outgoing.give_up();
        outgoing.answered(200, SnapshotState::Installed, 0);
        assert_eq!(
            outgoing.wait(None, 0, SILENCE).unwrap_err().kind(),
            io::ErrorKind::BrokenPipe
        );
    }

    #[test]
    fn a_lost_connection_is_told_until_there_is_another_one() {
        let outgoing = Outgoing::new(0, 1);
        outgoing.lost();
        assert_eq!(outgoing.wait(Some(0), 0, SILENCE).unwrap(), Heard::Lost);
        let soon = || Instant::now() + SILENCE;
        assert_eq!(
            outgoing.reconnected(0, soon()).unwrap_err().kind(),
            io::ErrorKind::TimedOut
        );
        outgoing.connected();
        assert_eq!(outgoing.reconnected(0, soon()).unwrap(), 1);
        assert_eq!(outgoing.wait(Some(0), 1, SILENCE).unwrap(), Heard::Reached);
        // An answer to what was asked over an earlier connection is none.
        outgoing.answered(7, SnapshotState::Resumed, 0);
        outgoing.lost();
        outgoing.connected();
        assert_eq!(outgoing.reconnected(1, soon()).unwrap(), 2);
        outgoing.forget_resumed();
        assert_eq!(
            outgoing.resumed(2, SILENCE).unwrap_err().kind(),
            io::ErrorKind::TimedOut
        );
        outgoing.answered(9, SnapshotState::Resumed, 0);
        assert_eq!(outgoing.resumed(2, SILENCE).unwrap(), (Heard::Reached, 9));
    }

    #[test]
    fn what_the_receiver_has_is_what_its_first_answer_says() {
        let outgoing = Outgoing::new(0, 1);
        assert_eq!(outgoing.base(Duration::from_millis(1)), 0, "it is silent");
        outgoing.answered(0, SnapshotState::More, 7);
        outgoing.answered(5, SnapshotState::More, 9);
        assert_eq!(outgoing.base(SILENCE), 7);
        let older = Outgoing::new(0, 1);
        older.answered(0, SnapshotState::More, 0);
        assert_eq!(older.base(SILENCE), 0, "an older version says nothing of it");
        let lost = Outgoing::new(0, 1);
        lost.answered(0, SnapshotState::More, 7);
        lost.lost();
        assert_eq!(lost.base(SILENCE), 0, "who knows what else was lost");
    }
}
